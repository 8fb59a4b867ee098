/** Moves commands by what answers them: the first answer makes them final, one that comes late is recorded once. */

import type { CommandState, StoredMessage } from '../command.ts'
import { commandStates } from '../command.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Message, Millis } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { NewTransition } from '../store/commands.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './answer.ts'
import type { AnswerIndex } from './answer-index.ts'
import { moves, transitions } from './lifecycle.ts'

/** States that no event changes. */
const ends: readonly CommandState[] = commandStates.filter((state) =>
  Object.values(transitions[state]).every((to) => to === state)
)

/** Resolves when what they say is stored; answers in the order of the journal. */
export type Apply = (answers: readonly Answer[]) => Promise<void>

export function createApply(parts: {
  store: Pick<Store, 'commands' | 'answers'>
  feed: Pick<Feed, 'hint'>
  index: AnswerIndex
  limits: Pick<Limits, 'answersMovedMax' | 'answersMovedBytesMax'>
  stats: Stats
  now?: () => Millis
}): Apply {
  const { store, feed, index, limits, stats, now = Date.now } = parts

  /** Returns the ids that moved. */
  async function move(answers: readonly Answer[], late: boolean): Promise<Set<string>> {
    const moved = new Set<string>()
    for (const some of divide(answers, limits)) {
      const made = some.map((answer) => toTransition(answer, late))
      for (const id of await store.commands.move(made)) moved.add(id)
    }
    if (moved.size > 0) feed.hint(null)
    return moved
  }

  /** Responses that a device gave through normalization: the messages that brought them. */
  async function withMessages(answers: readonly Answer[]): Promise<Answer[]> {
    const seqs = answers.flatMap(({ isResponse, message, seq }) =>
      isResponse && message === null ? [seq] : []
    )
    if (seqs.length === 0) return [...answers]
    const messages = await store.answers.messages([...new Set(seqs)])
    return answers.map((answer) => ({
      ...answer,
      message: answer.message ?? (answer.isResponse ? (messages.get(answer.seq) ?? null) : null)
    }))
  }

  /** For those that wait, the first answer of each. Returns the answers that came later, or too late. */
  async function finish(answers: readonly Answer[]): Promise<Answer[]> {
    const first = new Map<string, Answer>()
    for (const answer of answers) {
      const command = index.get(answer.id)
      if (command !== undefined && command.finishedAt === null && !first.has(answer.id))
        first.set(answer.id, answer)
    }
    if (first.size === 0) return [...answers]
    const moved = await move([...first.values()], false)
    for (const id of moved) {
      const { seq, isResponse } = first.get(id)!
      index.finish(id, now(), isResponse ? seq : null)
    }
    stats.commandsAnswered += moved.size
    const unmoved = [...first.keys()].filter((id) => !moved.has(id))
    // Somebody else was faster: they are as the database says
    if (unmoved.length > 0)
      for (const command of await store.answers.byIds(unmoved))
        if (command.finishedAt !== null) index.add(command)
    return answers.filter((answer) => first.get(answer.id) !== answer || !moved.has(answer.id))
  }

  return async (found) => {
    if (found.length === 0) return
    const rest = await finish(await withMessages(found))
    const late = new Map<string, Answer>()
    for (const answer of rest) {
      const command = index.get(answer.id)
      if (command === undefined || command.finishedAt === null || !answer.isResponse) continue
      if (answer.message === null || answer.seq === command.responseSeq || late.has(answer.id)) continue
      late.set(answer.id, answer)
    }
    if (late.size === 0) return
    stats.commandsAnsweredLate += (await move([...late.values()], true)).size
    // What did not move has one already
    for (const id of late.keys()) index.drop(id)
  }
}

function toTransition({ id, ok, reason, seq, isResponse, message }: Answer, late: boolean): NewTransition {
  const event = ok ? 'succeed' : 'fail'
  const response = isResponse && message !== null ? toStored(message) : null
  const common = { id, attempt: false, brokerReasonCode: null, response }
  if (late) return { ...common, event: 'answerLate', from: ends, to: null }
  return { ...common, ...moves(event), event, reason, effectSeq: isResponse ? null : seq }
}

const toStored = (message: Message): StoredMessage => ({
  ...message,
  payload: message.payload.toString('base64')
})

/** In parts that are few enough, and small enough, for one append. */
function* divide(
  answers: readonly Answer[],
  { answersMovedMax, answersMovedBytesMax }: Pick<Limits, 'answersMovedMax' | 'answersMovedBytesMax'>
): Generator<Answer[], void, undefined> {
  let some: Answer[] = []
  let bytes = 0
  for (const answer of answers) {
    const size = answer.message?.payload.length ?? 0
    if (some.length > 0 && (some.length >= answersMovedMax || bytes + size > answersMovedBytesMax)) {
      yield some
      ;[some, bytes] = [[], 0]
    }
    some.push(answer)
    bytes += size
  }
  if (some.length > 0) yield some
}
