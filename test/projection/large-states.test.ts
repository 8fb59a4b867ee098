/** What decoders remember, where it is much: written once, found again, and gone with the message that it is from. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { encodeState } from '../../src/normalize/exact-json.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { fromStored, partBytesMin, partsOf, toStored } from '../../src/projection/state-parts.ts'
import { bdSeq, datum, metric } from '../conventions/sparkplug-messages.ts'
import { createDatabase, query } from '../support/database.ts'
import type { Projecting } from '../support/projection.ts'
import { mappingFile, received, startProjecting } from '../support/projection.ts'
import { everything } from '../support/store.ts'

test('any state is what it was, and each of its parts is large', () => {
  const member = fc.oneof(fc.jsonValue(), fc.string({ minLength: 5_000, maxLength: 6_000 }), fc.bigInt())
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.string(), fc.constant('__proto__')), fc.record({ member })),
      (state) => {
        const { main, parts } = toStored(state)
        const found = fromStored(main, (hash) => parts.get(hash))
        assert.deepEqual(sorted(found), sorted(state))
        assert.deepEqual(new Set(partsOf(main)), new Set(parts.keys()))
        for (const [hash, bytes] of parts) {
          assert.match(hash, /^[0-9a-f]{64}$/)
          assert.ok(bytes.length > partBytesMin / 4)
        }
        // One that is gone takes the rest with it
        if (parts.size > 0)
          assert.equal(
            fromStored(main, () => undefined),
            null
          )
      }
    )
  )
})

/** As it is stored, members in the order of their names. */
const sorted = (state: DecoderState | null): string[] =>
  Object.entries(state as Record<string, unknown>)
    .map(([name, value]) => `${name} ${Buffer.from(encodeState([value])).toString()}`)
    .toSorted()

const device = 'G/E'
const message = (type: string, minute: number, seq: number, metrics: readonly object[]) =>
  received(
    `spBv1.0/G/${type}/E`,
    encodePayload({ timestamp: Date.UTC(2026, 0, 1) + minute * 60_000, seq, metrics }),
    minute
  )
const birth = (minute: number, seq: number, prefix: string) =>
  message('NBIRTH', minute, seq, [
    bdSeq(seq),
    ...Array.from({ length: 500 }, (_, n) => metric(`${prefix}${n}`, 'Int32', n, { alias: n + 1 }))
  ])

interface StateRow {
  key: string
  bytes: number
  written: string
}

const states = (url: string): Promise<StateRow[]> =>
  query<StateRow & Record<string, unknown>>(
    url,
    `select key, length(state) as bytes, xmin::text as written from decoder_state order by length(state) desc`
  )

test('a large birth is written once, however many messages follow it, and found again by the next process', async (t) => {
  const url = await createDatabase()
  const file = await mappingFile('conventions: [sparkplug]')
  const start = async (): Promise<Projecting> => {
    const projecting = await startProjecting({ url, file })
    let ended: Promise<void> | null = null
    const end = (): Promise<void> => (ended ??= projecting.end())
    t.after(end)
    return { ...projecting, end }
  }
  const first = await start()
  await first.append([birth(1, 0, 'm')])
  await first.settled()
  const born = await states(url)
  assert.equal(born.length, 2, JSON.stringify(born))
  assert.ok(born[0]!.bytes > 5_000 && born[1]!.bytes < partBytesMin, JSON.stringify(born))
  for (let seq = 1; seq <= 20; seq++) {
    await first.append([message('NDATA', 2, seq, [datum(7, 'Int32', seq)])])
    await first.settled()
  }
  const after = await states(url)
  assert.deepEqual(after[0], born[0])
  assert.notEqual(after[1]!.written, born[1]!.written)
  await first.end()

  const second = await start()
  await second.append([message('NDATA', 3, 21, [datum(8, 'Int32', -5)])])
  await second.settled()
  const latest = async (name: string) =>
    (await second.store.devices.metrics(everything, device, { after: null, limit: 1_000 })).items.find(
      (one) => one.name === name
    )?.latest?.number
  assert.deepEqual([await latest('m6'), await latest('m7')], [20, -5])

  // Another birth: what the one before said is not kept
  await second.append([birth(4, 0, 'other')])
  await second.settled()
  const reborn = await states(url)
  assert.equal(reborn.length, 2, JSON.stringify(reborn))
  assert.notEqual(reborn[0]!.key, born[0]!.key)

  // Who forgets the birth's topic forgets what was remembered of it; nothing is made of what is left
  assert.ok(await second.store.forget({ topic: 'spBv1.0/G/NBIRTH/E' }, 'somebody'))
  await second.end()
  const third = await start()
  await third.append([message('NDATA', 5, 1, [datum(9, 'Int32', 1)])])
  await third.settled()
  const { items } = await third.store.rejections.page(everything, {
    filters: [],
    reason: null,
    mapping: null,
    from: null,
    to: null,
    after: null,
    limit: 10,
    order: 'desc'
  })
  assert.equal(items.length, 1, JSON.stringify(items))
  assert.match(items[0]!.detail, /birth/)
  await third.end()
})
