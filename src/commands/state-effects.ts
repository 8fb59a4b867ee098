/** Effects on topics: whether the state right after a fact, as clients see it, satisfies what a command expects. */

import { Problem } from '../errors.ts'
import { stateAsOf } from '../feed/state-as-of.ts'
import type { Limits } from '../limits.ts'
import type { Access, Fact, Seq, TopicState } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { Store } from '../store/store.ts'
import { eventKinds, toMessageView, toTopicStateView } from '../views.ts'
import type { Answer } from './answer.ts'
import type { AnswerIndex } from './answer-index.ts'

/** A fact of a topic, and who waits for what it may show. */
interface Shown {
  fact: Fact & { topic: string; topicId: number }
  awaiting: ReturnType<AnswerIndex['awaitingState']>
}

/** What a predicate may look at that a message tells alone: it is the latest then, whatever is retained. */
const ofMessage = new Set(
  `topic topicId seq messageSeq receivedAt qos retain dup format payload payloadText payloadBase64 payloadFault
  properties`.split(/\s+/)
)

const stateKinds: readonly string[] = eventKinds.state

/** Answers in the order of the facts. Who may be told of a state was decided when the command was accepted. */
export async function stateEffects(
  parts: {
    store: Pick<Store, 'states' | 'asOf'>
    access: Access
    limits: Pick<Limits, 'statesReadTopicsMax'>
  },
  index: Pick<AnswerIndex, 'awaitingState'>,
  facts: readonly Fact[]
): Promise<Answer[]> {
  const shown = facts.flatMap((fact): Shown[] => {
    if (fact.topic === null || fact.topicId === null || !stateKinds.includes(fact.kind)) return []
    const awaiting = index.awaitingState(fact.topic, fact.seq)
    return awaiting.length === 0 ? [] : [{ fact: fact as Shown['fact'], awaiting }]
  })
  const unclear = shown.filter(({ fact, awaiting }) => !awaiting.every(({ where }) => isTold(fact, where)))
  const states = await statesAfter(
    parts,
    unclear.map(({ fact }) => fact)
  )
  return shown.flatMap(({ fact, awaiting }) => {
    const state = states.get(fact.seq)
    const item = state !== undefined ? toTopicStateView(state) : viewOfMessage(fact)
    return awaiting.flatMap(({ id, where }): Answer[] =>
      (state !== undefined || isTold(fact, where)) && item !== null && where.test(item)
        ? [{ id, ok: true, reason: null, seq: fact.seq, isResponse: false, message: null }]
        : []
    )
  })
}

const isTold = ({ kind }: Fact, { paths }: Predicate): boolean =>
  kind === 'message' && paths.every(([member]) => ofMessage.has(member!))

function viewOfMessage({ seq, topicId, message }: Shown['fact']): object | null {
  if (message === null) return null
  const view = toMessageView(message)
  return { ...view, topicId: String(topicId), messageSeq: String(seq) }
}

/** By the seq of the fact; absent where nobody can tell. */
async function statesAfter(
  { store, access, limits }: Parameters<typeof stateEffects>[0],
  facts: readonly Shown['fact'][]
): Promise<Map<Seq, TopicState>> {
  const found = new Map<Seq, TopicState>()
  const topics = [...new Set(facts.map(({ topic }) => topic))]
  const current = new Map<string, TopicState>()
  for (let at = 0; at < topics.length; at += limits.statesReadTopicsMax) {
    const some = topics.slice(at, at + limits.statesReadTopicsMax)
    for (const [topic, state] of await store.states.byNames(access, some)) current.set(topic, state)
  }
  for (const fact of facts) {
    const now = current.get(fact.topic)
    if (now === undefined) continue
    // Where it changed since, a fold of the journal up to the fact tells
    const state = stateAsOf(fact, now) ?? (await foldedUpTo(store, fact))
    if (state !== null) found.set(fact.seq, state)
  }
  return found
}

async function foldedUpTo({ asOf }: Pick<Store, 'asOf'>, fact: Shown['fact']): Promise<TopicState | null> {
  try {
    const { states } = await asOf.topics([fact.topicId], { at: fact.at, seq: fact.seq })
    return states.get(fact.topicId) ?? null
  } catch (error) {
    if (error instanceof Problem) return null // retention took what would tell
    throw error
  }
}
