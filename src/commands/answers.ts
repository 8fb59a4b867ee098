/**
 * Finds what became of commands that await something: the journal's messages, and what is projected of them, are searched in
 * order from a durable cursor on, and what answers a command moves it. One instance searches, the one that receives. A crash
 * between the two only makes it search again, which changes nothing. While nothing is awaited, nothing is searched.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { CommandTransition } from '../command.ts'
import type { Feed, FeedPage } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Access, Fact, FactKind, Millis, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Stats } from '../stats.ts'
import type { AwaitedKind } from '../store/answers.ts'
import type { Store } from '../store/store.ts'
import type { Answer } from './answer.ts'
import type { AnswerKeys } from './answer-index.ts'
import { createAnswerIndex } from './answer-index.ts'
import { createApply } from './answered.ts'
import { stateEffects } from './state-effects.ts'
import { createTimeouts } from './timeouts.ts'

export interface Answers {
  run(): Promise<void>
  stop(): Promise<void>
}

export interface AnswersParts extends AnswerKeys {
  store: Store
  feed: Feed
  /** Resolves when all facts up to `seq` are projected, or `signal` aborts. */
  projected: (seq: Seq, signal: AbortSignal) => Promise<void>
  /** Only the instance that holds the lease searches. */
  leading: () => boolean
  /** Since when the session is connected; null: it is not. */
  connectedSince: () => Millis | null
  limits: Limits
  stats: Stats
  log: Logger
}

const inJournal: readonly AwaitedKind[] = ['message', 'state']
const inProjection: readonly AwaitedKind[] = ['response', 'datapoint']
const allKinds = Object.keys(factKinds) as FactKind[]

/** What answers a command decides what it is for everybody; who may ask for that was decided when it was accepted. */
const everything: Access = {
  principal: 'answers',
  mayRead: () => true,
  readsAll: true,
  mayPublish: () => false
}

export function createAnswers(parts: AnswersParts): Answers {
  const { limits, log } = parts
  const stopping = new AbortController()
  let ended: Promise<void> = Promise.resolve()

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (parts.leading())
        await search(parts, stopping.signal).catch((error: unknown) =>
          log.debug({ err: error }, 'Cannot search for answers yet; beginning again')
        )
      await delay(limits.databaseRetryMs, null, { signal: stopping.signal }).catch(() => {})
    }
  }

  return {
    run: () => (ended = run()),
    async stop() {
      stopping.abort()
      await ended
    }
  }
}

/** Until this instance leads no more, or something fails: then all is read again. */
async function search(parts: AnswersParts, stopping: AbortSignal): Promise<void> {
  const { store, feed, projected, leading, limits, stats, log } = parts
  const ending = new AbortController()
  const signal = AbortSignal.any([stopping, ending.signal])
  const index = createAnswerIndex(limits, parts)
  const apply = createApply({ store, feed, index, limits, stats })
  /** Searched up to here: the journal; and what is projected of it, null while nothing is awaited of that. */
  let journalAt = feed.end() // before the commands are read: what is published behind it comes as a fact
  let projectionAt: Seq | null = null
  let saved = await store.answers.searched()
  let onJournal = (): void => {}
  signal.addEventListener('abort', () => onJournal())

  async function load(): Promise<void> {
    for (let after = 0; ;) {
      const some = await store.answers.waiting(after, limits.awaitedPageCommandsMax)
      for (const command of some) if (index.get(command.id) === undefined) index.add(command)
      if (some.length < limits.awaitedPageCommandsMax) return
      after = some.at(-1)!.createdSeq
    }
  }

  function begin(): void {
    const first = index.begin([...inJournal, ...inProjection])
    if (first !== null) journalAt = Math.min(journalAt, Math.max(saved, first))
    const projectionFirst = index.begin(inProjection)
    if (projectionFirst !== null) projectionAt = Math.max(saved, projectionFirst)
  }

  /** Commands that were published, or moved otherwise, in these facts. */
  async function follow(facts: readonly Fact[]): Promise<void> {
    const published: string[] = []
    for (const { kind, at, detail } of facts) {
      if (kind !== 'command') continue
      const { id, event, final, responseSeq = null } = detail as CommandTransition
      if (event === 'publish') {
        if (index.get(id) === undefined) published.push(id)
      } else if (event === 'answerLate') index.drop(id)
      else if (final === true) index.finish(id, at, responseSeq)
    }
    if (published.length === 0) return
    for (const command of await store.answers.byIds(published)) index.add(command)
    if (projectionAt === null) projectionAt = index.begin(inProjection)
  }

  async function take(page: FeedPage): Promise<void> {
    if (page.skipped.length > 0) {
      stats.answersSkipped++
      log.warn({ skipped: page.skipped }, 'Retention took facts before they were searched for answers')
      await load() // commands that were published there
    }
    await follow(page.facts)
    const found: Answer[] = []
    for (const { message, kind } of page.facts)
      if (message !== null && (kind === 'message' || kind === 'cleared'))
        found.push(...index.answeredBy(message))
    found.push(...(await stateEffects({ store, access: everything, limits }, index, page.facts)))
    await apply(found)
    journalAt = page.cursor
    onJournal()
  }

  /** Nothing is awaited: only commands are looked at, until one that awaits something is published. */
  async function idle(): Promise<void> {
    const ask = { after: journalAt, filters: [], kinds: ['command'] as const }
    for await (const { facts, cursor, skipped } of feed.read(everything, ask, signal)) {
      await follow(facts)
      if (skipped.length > 0) await load()
      journalAt = Math.min(cursor, index.begin([...inJournal, ...inProjection]) ?? cursor)
      if (index.size() > 0) return
    }
  }

  async function searchJournal(): Promise<void> {
    while (!signal.aborted) {
      if (index.size() === 0) await idle()
      const ask = { after: journalAt, filters: [], kinds: allKinds }
      if (index.size() > 0)
        for await (const page of feed.read(everything, ask, signal)) {
          await take(page)
          if (index.size() === 0) break
        }
    }
  }

  /** Behind the journal's search, so that all that was published up to there is known. */
  async function searchProjection(): Promise<void> {
    while (!signal.aborted) {
      const sought = index.sought()
      if (sought.length === 0) projectionAt = null
      if (projectionAt === null || journalAt <= projectionAt) {
        await new Promise<void>((resolve) => (onJournal = resolve))
        continue
      }
      const soon = AbortSignal.any([signal, AbortSignal.timeout(limits.commandPollMs)])
      await projected(projectionAt + 1, soon)
      const end = Math.min(await store.datapoints.end(), journalAt, projectionAt + limits.answersFactsMax)
      if (end <= projectionAt) continue
      const { items, to } = await store.answers.datapoints(sought, projectionAt, end)
      await apply(items.flatMap(index.answeredByDatapoint))
      projectionAt = to
    }
  }

  const timeouts = createTimeouts({
    store,
    feed,
    searches: [
      { kinds: inJournal, searched: () => journalAt },
      { kinds: inProjection, searched: () => projectionAt ?? journalAt }
    ],
    connectedSince: parts.connectedSince,
    onTimeOut: (ids) => {
      for (const id of ids) index.finish(id, Date.now(), null)
    },
    limits,
    stats
  })

  async function save(): Promise<void> {
    const done = Math.min(journalAt, projectionAt ?? journalAt)
    if (index.size() === 0 || done === saved) return
    await store.answers.saveSearched(done)
    saved = done
  }

  async function keepTime(): Promise<void> {
    while (!signal.aborted) {
      if (!leading()) return
      index.prune(Date.now() - limits.commandLateSeconds * 1_000, limits.commandsLateMax)
      await timeouts.check()
      await save()
      await delay(limits.commandPollMs, null, { signal }).catch(() => {})
    }
  }

  await load()
  for (const command of await store.answers.late(limits.commandLateSeconds, limits.commandsLateMax))
    index.add(command)
  begin()
  try {
    await Promise.all(
      [searchJournal(), searchProjection(), keepTime()].map((work) => work.finally(() => ending.abort()))
    )
  } finally {
    ending.abort()
  }
  await save()
}
