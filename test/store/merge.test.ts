import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Placed, PlaceKey } from '../../src/store/merge.ts'
import { mergeNext } from '../../src/store/merge.ts'

interface Row extends Placed {
  wanted: boolean
}

const isBefore = ([a1, a2]: PlaceKey, [b1, b2]: PlaceKey): boolean => a1! < b1! || (a1 === b1 && a2! < b2!)
const compare = (a: Row, b: Row): number => (isBefore(a.place, b.place) ? -1 : 1)

/** Places in which the second number tells all rows apart. */
const sources = fc
  .array(fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.boolean()), { maxLength: 25 }), {
    minLength: 1,
    maxLength: 6
  })
  .map((all) => {
    let number = 0
    return all.map((rows, source) =>
      rows.map(([at, wanted]): Row => ({ source, place: [at, ++number], wanted })).toSorted(compare)
    )
  })

/** Reads pages to the end as one who has the indexes would; tells how many rows each looked at. */
async function readAll(all: readonly Row[][], order: 'asc' | 'desc', limit: number, rowsMax: number) {
  const inOrder = all.map((rows) => (order === 'asc' ? rows : rows.toReversed()))
  const isBehind = (a: PlaceKey, b: PlaceKey): boolean => (order === 'asc' ? isBefore(b, a) : isBefore(a, b))
  const rows: Row[] = []
  const looked: number[] = []
  for (let begin: PlaceKey | null = null; ;) {
    let count = 0
    const page: { rows: Row[]; next: PlaceKey | null } = await mergeNext<Row>({
      sources: all.length,
      order,
      limit,
      rowsMax,
      read: async (from, each, end) => {
        const found = from.flatMap(({ source, after }) => {
          const at = after ?? begin
          return inOrder[source]!.filter(
            ({ place }) => (at === null || isBehind(place, at)) && (end === null || isBehind(end, place))
          ).slice(0, each)
        })
        count += found.length
        return found
      },
      wanted: (found) => found.filter(({ wanted }) => wanted)
    })
    assert.ok(page.rows.length <= limit)
    rows.push(...page.rows)
    looked.push(count)
    if (page.next === null) return { rows, looked }
    assert.ok(begin === null || isBehind(page.next, begin), 'a page goes on')
    begin = page.next
  }
}

test('pages have everything that is wanted, once and in order, and look at a bounded number of rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      sources,
      fc.constantFrom('asc' as const, 'desc' as const),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 40 }),
      async (all, order, limit, rowsMax) => {
        const { rows, looked } = await readAll(all, order, limit, rowsMax)
        const expected = all
          .flat()
          .filter(({ wanted }) => wanted)
          .toSorted(compare)
        assert.deepEqual(rows, order === 'asc' ? expected : expected.toReversed())
        for (const count of looked) assert.ok(count <= Math.max(rowsMax, all.length), `${count} rows`)
      }
    ),
    { numRuns: 2_000 }
  )
})

test('of many sources that are alike a page looks at few rows more than it has', async () => {
  const all = Array.from({ length: 50 }, (_, source) =>
    Array.from({ length: 100 }, (__, at): Row => ({ source, place: [at, source], wanted: true }))
  )
  const { rows, looked } = await readAll(all, 'desc', 100, 100_000)
  assert.equal(rows.length, 5_000)
  assert.ok(Math.max(...looked) <= 200, `${Math.max(...looked)} rows`)
})

test('one source that has all of what is not wanted is read further than the others, which wait', async () => {
  const all = Array.from({ length: 40 }, (_, source) =>
    Array.from({ length: source === 0 ? 20_000 : 1 }, (__, at): Row => {
      const place = source === 0 ? [at, 0] : [20_000, source]
      return { source, place, wanted: source > 0 }
    })
  )
  const { rows, looked } = await readAll(all, 'asc', 100, 2_000)
  assert.equal(rows.length, 39)
  assert.ok(looked.length <= 30, `${looked.length} pages for ten times as much as one looks at`)
})
