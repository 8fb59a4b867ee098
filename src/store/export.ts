/** Reads all that is kept, once, in the order of the journal: a page at a time, however much it is. */

import type { Datapoint } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, FactKind, Message, Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import type { DatapointScan, ScanPlace } from './export-datapoints.ts'
import { scanDatapoints } from './export-datapoints.ts'
import { findInstant } from './instants.ts'
import { createJournal } from './journal.ts'
import type { SeriesAsk } from './series.ts'

export interface DatapointExportAsk extends SeriesAsk {
  /** Topics that datapoints came by; none: every topic. */
  filters: readonly string[]
  /** Time observed: from <= observedAt < to. */
  from: Millis | null
  to: Millis | null
  /** Only of messages behind this; null: all that is kept. */
  after: Seq | null
}

export interface MessageExportAsk {
  filters: readonly string[]
  kinds: readonly FactKind[]
  /** Time of the commit: from <= at < to. */
  from: Millis | null
  to: Millis | null
  after: Seq | null
}

export interface Export<Item> {
  /** What is of facts up to here, and was there when it began, is in it: a later one goes on from here. */
  until: Seq
  /**
   * In journal order, at most `exportPageRowsMax` and `exportPageBytesMax` of what has no bounded length; pages may be empty.
   * The next one is read while one is used, so that there are two at most. Throws Problem cursor_expired when retention took
   * what was not read yet, and precondition_failed when another projection became current.
   */
  pages(): AsyncGenerator<Item[], void>
}

export interface Exports {
  datapoints(access: Access, ask: DatapointExportAsk): Promise<Export<Datapoint>>
  messages(access: Access, ask: MessageExportAsk): Promise<Export<Message>>
}

export function createExports(pool: Pool, limits: Limits): Exports {
  const journal = createJournal(pool, { ...limits, pageBytesMax: limits.exportPageBytesMax })

  /** Facts (after, until] that were committed within the times. */
  async function between({ from, to, after }: MessageExportAsk): Promise<{ after: Seq; until: Seq }> {
    const head = await journal.head()
    const lastBefore = async (at: Millis): Promise<Seq> =>
      at > head.at ? head.seq : (await findInstant(pool, at - 1)).seq
    const until = to === null ? head.seq : await lastBefore(to)
    const first = from === null ? 0 : await lastBefore(from)
    const start = Math.max(checkAfter(after, head.horizon) ?? head.horizon, first)
    return { after: start, until: Math.max(until, start) }
  }

  return {
    async datapoints(access, ask) {
      const { rows } = await pool.query<{ id: number | null; done: Seq | null; horizon: Seq }>(
        `select id, done_seq as done, horizon from journal_head
         left join projections on state = 'current' where shard = 0`
      )
      const { id, done, horizon } = rows[0]!
      const after = checkAfter(ask.after, horizon)
      const until = Math.max(done ?? 0, after ?? 0)
      const scan: DatapointScan = { ...ask, projection: id ?? 0, until }
      const first = { seq: after ?? 0, n: Infinity, rows: limits.exportPageRowsMax }
      return {
        until,
        pages: () =>
          inTurn(first, async (place) => {
            const { items, next } = await scanDatapoints(pool, limits, scan, place)
            await checkKept(pool, Math.max(readUpTo(place), after ?? horizon), id)
            return { items: items.filter(({ topic }) => access.mayRead(topic)), next }
          })
      }
    },

    async messages(access, ask) {
      const { filters, kinds } = ask
      const { after, until } = await between(ask)
      const rest = { filters, kinds, until, limit: limits.exportPageRowsMax, order: 'asc' } as const
      return {
        until,
        pages: () =>
          inTurn(after, async (place) => {
            const { items, next } = await journal.page(access, { ...rest, after: place })
            await checkKept(pool, place)
            return { items: items.map(({ message }) => message!), next }
          })
      }
    }
  }
}

/** Each page begins to be read when the one before it is there. */
async function* inTurn<Place, Item>(
  first: Place,
  read: (place: Place) => Promise<{ items: Item[]; next: Place | null }>
): AsyncGenerator<Item[], void> {
  let reading: ReturnType<typeof read> | null = read(first)
  while (reading !== null) {
    const { items, next }: Awaited<ReturnType<typeof read>> = await reading
    reading = next === null ? null : read(next)
    reading?.catch(() => {}) // whoever asks for it is told; if nobody does, it is nobody's trouble
    yield items
  }
}

/** Of what was read before this place, all facts up to this one. */
const readUpTo = ({ seq, n }: ScanPlace): Seq => (n === Infinity ? seq : seq - 1)

/** Looked at behind a page, so that nothing that it should have had was taken before. */
async function checkKept(pool: Pool, from: Seq, projection?: number | null): Promise<void> {
  const { rows } = await pool.query<{ horizon: Seq; current: number | null }>({
    name: 'export_kept',
    text: `select horizon, (select id from projections where state = 'current') as current
           from journal_head where shard = 0`
  })
  const { horizon, current } = rows[0]!
  checkAfter(from, horizon)
  if (projection !== undefined && current !== projection)
    throw new Problem('precondition_failed', 'Other mappings are in use now: go on from the last cursor')
}

/** Throws Problem cursor_expired. */
function checkAfter<After extends Seq | null>(after: After, horizon: Seq): After {
  if (after !== null && after < horizon)
    throw new Problem(
      'cursor_expired',
      'What follows is no longer kept: begin without `after`, and what is missing stays missing'
    )
  return after
}
