/**
 * The next rows of many sources together, in order: of metrics by time, of topics by seq. Each source gives its own in order,
 * by an index; a few of each are read at first, and more only of those that may still have one of the page. However rare
 * what is wanted, a bounded number of rows is looked at.
 */

/** Places are compared number by number. */
export type PlaceKey = readonly number[]

export interface Placed {
  /** Index of the source that it is of. */
  source: number
  place: PlaceKey
}

export interface MergeAsk<Row extends Placed> {
  /** How many sources there are. */
  sources: number
  order: 'asc' | 'desc'
  /** Rows of the page. */
  limit: number
  /** Rows looked at, at most; one of each source is, in any case. */
  rowsMax: number
  /**
   * For each of these sources its next `count` rows, in the order asked for, behind where it is (null: where the page
   * begins) and before `end` (null: all that there are).
   */
  read(from: readonly SourcePlace[], count: number, end: PlaceKey | null): Promise<readonly Row[]>
  /** Those of them that the page is to have. */
  wanted(rows: readonly Row[]): Promise<readonly Row[]> | readonly Row[]
}

export interface SourcePlace {
  source: number
  after: PlaceKey | null
}

export interface Merged<Row> {
  rows: Row[]
  /** Everything up to here was looked at; null at the end. */
  next: PlaceKey | null
}

/** So many times as many are read of a source that was not enough. */
const growth = 4

export async function mergeNext<Row extends Placed>(ask: MergeAsk<Row>): Promise<Merged<Row>> {
  const compare = comparing(ask.order)
  const inOrder = (a: Row, b: Row): number => compare(a.place, b.place)
  let open: SourcePlace[] = Array.from({ length: ask.sources }, (_, source) => ({ source, after: null }))
  let found: Row[] = []
  let left = ask.rowsMax
  for (let step = Math.ceil(ask.limit / Math.max(1, open.length)); open.length > 0; step *= growth) {
    const full = found.length >= ask.limit
    const some: SourcePlace[] = full || left === ask.rowsMax ? open : lowest(open, compare)
    // What is read of one is not there for the others, which are lower then
    const share = Math.floor((some === open ? left : left / 2) / some.length)
    const count = left === ask.rowsMax ? Math.max(1, Math.min(step, share)) : Math.min(step, share)
    if (count < 1) break
    const rows = await ask.read(some, count, full ? found.at(-1)!.place : null)
    left -= rows.length
    const ends = new Map<number, { rows: number; last: PlaceKey }>()
    for (const { source, place } of rows) {
      const end = ends.get(source)
      if (end === undefined) ends.set(source, { rows: 1, last: place })
      else ends.set(source, { rows: end.rows + 1, last: compare(place, end.last) > 0 ? place : end.last })
    }
    found = [...found, ...(await ask.wanted(rows))].toSorted(inOrder).slice(0, ask.limit)
    const end = found.length >= ask.limit ? found.at(-1)!.place : null
    const read = new Set(some)
    open = open.flatMap((one) => {
      const at = ends.get(one.source)
      // Who had fewer has no more, or none before the end of the page
      if (read.has(one) && (at?.rows ?? 0) < count) return []
      const after = read.has(one) ? at!.last : one.after
      return end === null || compare(after!, end) < 0 ? [{ source: one.source, after }] : []
    })
  }
  if (open.length === 0) return { rows: found, next: found.length >= ask.limit ? found.at(-1)!.place : null }
  const reached = open.map(({ after }) => after!).reduce((a, b) => (compare(b, a) < 0 ? b : a))
  return { rows: found.filter(({ place }) => compare(place, reached) <= 0), next: reached }
}

/** The quarter that is least far: as far as they are, the page is known. */
function lowest(open: readonly SourcePlace[], compare: Compare): SourcePlace[] {
  const sorted = open.toSorted((a, b) => compare(a.after!, b.after!))
  return sorted.slice(0, Math.ceil(sorted.length / 4))
}

type Compare = (a: PlaceKey, b: PlaceKey) => number

const comparing = (order: 'asc' | 'desc'): Compare => {
  const sign = order === 'asc' ? 1 : -1
  return (a, b) => {
    for (const [index, number] of a.entries())
      if (number !== b[index]) return number < b[index]! ? -sign : sign
    return 0
  }
}
