/** Reads all that is kept, once, in the order of the journal: a page at a time, however much it is. */

import type { Datapoint } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, DroppedClass, FactKind, Message, Millis, Seq } from '../model.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { Pool } from './database.ts'
import { deviceIdsWhere } from './devices-where.ts'
import type { DatapointScan, ScanPlace } from './export-datapoints.ts'
import { scanDatapoints } from './export-datapoints.ts'
import { createJournal } from './journal.ts'
import type { SeriesAsk } from './series.ts'

export interface DatapointExportAsk extends SeriesAsk {
  /** Topics that datapoints came by; none: every topic. */
  filters: readonly string[]
  /** Time observed: from <= observedAt < to. */
  from: Millis | null
  to: Millis | null
  /** Asked of DeviceItemView, as devices are when it begins; null: all. */
  where: Predicate | null
  /** Only of messages behind this; null: all that is kept. */
  after: Seq | null
  /** Whether messages that are asked for may have been of this class. */
  mayMiss: (one: DroppedClass) => boolean
}

export interface MessageExportAsk {
  filters: readonly string[]
  kinds: readonly FactKind[]
  /** Time of the commit: from <= at < to. */
  from: Millis | null
  to: Millis | null
  after: Seq | null
  mayMiss: (one: DroppedClass) => boolean
}

export interface Export<Item> {
  /** What is of facts up to here, and was there when it began, is in it: a later one goes on from here. */
  until: Seq
  /**
   * In journal order, at most `exportPageRowsMax` and `exportPageBytesMax` of what has no bounded length; pages may be empty.
   * The next one is read while one is used, so that there are two at most. Throws Problem cursor_expired when retention took
   * what was not read yet, of any class that may have had something of it, and precondition_failed when another projection
   * became current.
   */
  pages(): AsyncGenerator<Item[], void>
}

/** Each throws Problem cursor_expired where what follows `after` is not all kept. */
export interface Exports {
  /** Throws Problem query_too_complex where `where` has too many devices to look at. */
  datapoints(access: Access, ask: DatapointExportAsk): Promise<Export<Datapoint>>
  messages(access: Access, ask: MessageExportAsk): Promise<Export<Message>>
}

export function createExports(pool: Pool, limits: Limits, dropped: () => Promise<DroppedClass[]>): Exports {
  const journal = createJournal(pool, { ...limits, pageBytesMax: limits.exportPageBytesMax })

  /**
   * Tells, behind each page, whether something was dropped that it should have had. Without a cursor, what was dropped before
   * the beginning is not missing.
   */
  async function openCheck({
    after,
    mayMiss
  }: Pick<MessageExportAsk, 'after' | 'mayMiss'>): Promise<(readUpTo: Seq) => Promise<void>> {
    const classes = async () => (await dropped()).filter(mayMiss)
    const before = new Map((after === null ? await classes() : []).map((one) => [one.name, one.horizon]))
    const check = async (readUpTo: Seq): Promise<void> => {
      for (const { name, horizon } of await classes())
        if (horizon > Math.max(readUpTo, before.get(name) ?? 0)) throw expired()
    }
    await check(after ?? 0)
    return check
  }

  return {
    async datapoints(access, ask) {
      const check = await openCheck(ask)
      const { rows } = await pool.query<{ id: number; done: Seq }>(currentSql)
      const { id, done } = rows[0] ?? { id: null, done: 0 }
      const { where, devices } = ask
      const devicesIn =
        where === null ? null : await deviceIdsWhere({ pool, limits }, access, { devices, where })
      const until = Math.max(done, ask.after ?? 0)
      const scan: DatapointScan = { ...ask, projection: id ?? 0, devicesIn, until }
      const first = { seq: ask.after ?? 0, n: Infinity, rows: limits.exportPageRowsMax }
      return {
        until,
        pages: () =>
          inTurn(first, async (place) => {
            const { items, next } = await scanDatapoints(pool, limits, scan, place)
            await check(readUpTo(place))
            const current = (await pool.query<{ id: number }>(currentSql)).rows[0]?.id ?? null
            if (current !== id) throw replaced()
            return { items: items.filter(({ topic }) => access.mayRead(topic)), next }
          })
      }
    },

    async messages(access, ask) {
      const check = await openCheck(ask)
      const { filters, kinds, from, to } = ask
      const [head, range] = [await journal.head(), await journal.range({ from, to })]
      const first = Math.max(ask.after ?? 0, range.from)
      const until = Math.max(Math.min(head.seq, range.to), ask.after ?? 0)
      const rest = { filters, kinds, until, limit: limits.exportPageRowsMax, order: 'asc' } as const
      return {
        until,
        pages: () =>
          inTurn(first, async (place) => {
            const { items, next } = await journal.page(access, { ...rest, after: place })
            await check(place)
            return { items: items.map(({ message }) => message!), next }
          })
      }
    }
  }
}

const currentSql = `select id, done_seq as done from projections where state = 'current'`

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

const expired = (): Problem =>
  new Problem(
    'cursor_expired',
    'Retention took some of what follows: begin without `after` for what is kept; what is missing stays missing'
  )

const replaced = (): Problem =>
  new Problem('precondition_failed', 'Other mappings are in use now: go on from the last cursor')
