/** A message that Postgres refuses must not hold up its neighbours: the batch is halved until it stands alone. */

import type { Logger } from 'pino'
import type { GapDetail } from '../model.ts'
import type { NormalizedFact, NormalizedState } from '../normalize/normalize.ts'
import { statesOf } from '../normalize/normalize.ts'
import type { Stats } from '../stats.ts'
import { toTrouble } from '../store/database.ts'
import type { Appended, Store } from '../store/store.ts'
import type { Lease } from '../store/sessions.ts'

export interface BatchToAppend {
  facts: NormalizedFact[]
  states: NormalizedState[]
  packets: { added: Array<{ packetId: number; hash: Buffer }>; released: number[] }
  retainedKnown: boolean
}

export interface AppendedPart {
  facts: NormalizedFact[]
  where: Appended | null
}

const noPackets = { added: [], released: [] }

/** Appends the batch, in as few parts as possible; a single message that is refused becomes a gap with its bytes. */
export async function appendAll(
  parts: { stats: Stats; log: Logger },
  batch: BatchToAppend,
  store: Store,
  lease: Lease
): Promise<AppendedPart[]> {
  try {
    return [{ facts: batch.facts, where: await store.append(batch, lease) }]
  } catch (error) {
    if (toTrouble(error) !== 'data') throw error
    if (batch.facts.length === 0) throw error
    if (batch.facts.length === 1) return appendAsGap(parts, batch, store, lease, error)
    const middle = batch.facts.length >> 1
    // Identifiers go with the last part: before it is committed, nothing of the batch is acknowledged
    const halves = [
      { ...slice(batch, 0, middle), packets: noPackets },
      { ...slice(batch, middle, batch.facts.length), packets: batch.packets }
    ]
    const appended: AppendedPart[] = []
    for (const half of halves) appended.push(...(await appendAll(parts, half, store, lease)))
    return appended
  }
}

/** The facts of a range, each changing its topic's state by itself. */
function slice(batch: BatchToAppend, from: number, to: number): BatchToAppend {
  const facts = batch.facts.slice(from, to)
  return { ...batch, facts, states: statesOf(facts) }
}

async function appendAsGap(
  { stats, log }: { stats: Stats; log: Logger },
  batch: BatchToAppend,
  store: Store,
  lease: Lease,
  error: unknown
): Promise<AppendedPart[]> {
  const fact = batch.facts[0]!
  const code = (error as { code?: string }).code ?? null
  stats.unstorable++
  log.error({ err: error }, 'Postgres refuses a message; it is kept as a gap, with its bytes')
  const detail: GapDetail = {
    cause: 'unstorable',
    session: lease.name,
    from: fact.receivedAt,
    to: fact.receivedAt,
    messages: 1,
    sqlState: code,
    topicBase64: Buffer.from(fact.topic ?? '').toString('base64')
  }
  const gap: NormalizedFact = { ...fact, kind: 'gap', topic: null, properties: null, detail }
  const where = await store.append({ ...batch, facts: [gap], states: [] }, lease)
  return [{ facts: [gap], where }]
}
