/** What others encode is read as it was; and bytes changed at random neither throw nor leave the bounds. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { encode as encodeMsgPack } from '@msgpack/msgpack'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { defaultLimits } from '../../src/limits.ts'
import { UnreadableError } from '../../src/normalize/binary-document.ts'
import { decompress } from '../../src/normalize/decompress.ts'
import { readSchemaFile } from '../../src/normalize/protobuf-schema.ts'
import { readCbor } from '../../src/normalize/read-cbor.ts'
import { readMsgPack } from '../../src/normalize/read-msgpack.ts'
import { compileText, mapping, message, reasons } from './mappings.ts'

const { binaryItemsMax } = defaultLimits
const large = (min: bigint, max: bigint) =>
  fc.bigInt({ min, max }).filter((value) => !Number.isSafeInteger(Number(value)))
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((given) => given.toWellFormed())
const name = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', '', 'a', '\0'))
/** `integers`: those beyond 2^53 that the encoding has. */
const document = (integers: fc.Arbitrary<bigint>) =>
  fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.double(),
      fc.maxSafeInteger(),
      integers,
      fc.boolean(),
      fc.constant(null),
      text,
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }).map((members) => Object.fromEntries(members))
    )
  })).value

/** -0 is an integer to both encoders. */
const canonical = (value: unknown): unknown => {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(canonical)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, canonical(member)]))
}

test('CBOR is read as it was written', () => {
  fc.assert(
    fc.property(document(large(-(2n ** 64n), 2n ** 64n - 1n)), (value) => {
      const { value: read, duplicates } = readCbor(encodeCbor(value), binaryItemsMax)
      assert.deepEqual([canonical(read), duplicates], [canonical(value), false])
    }),
    { numRuns: 2_000 }
  )
})

test('CBOR of no declared length, with unknown tags, is read as the same', () => {
  const endless = (value: unknown): Uint8Array => {
    if (Array.isArray(value))
      return Buffer.concat([Buffer.from([0x9f]), ...value.map(endless), Buffer.from([0xff])])
    if (typeof value === 'string')
      return Buffer.concat([Buffer.from([0x7f]), encodeCbor(value), encodeCbor(''), Buffer.from([0xff])])
    if (value instanceof Uint8Array)
      return Buffer.concat([
        Buffer.from([0xd9, 0xd9, 0xf7, 0x5f]),
        encodeCbor(value.subarray(0, 3)),
        encodeCbor(value.subarray(3)),
        Buffer.from([0xff])
      ])
    if (typeof value !== 'object' || value === null) return encodeCbor(value)
    const members = Object.entries(value).flatMap(([key, member]) => [endless(key), endless(member)])
    return Buffer.concat([Buffer.from([0xbf]), ...members, Buffer.from([0xff])])
  }
  fc.assert(
    fc.property(document(large(-(2n ** 64n), 2n ** 64n - 1n)), (value) => {
      const { value: read, duplicates } = readCbor(endless(value), binaryItemsMax)
      assert.deepEqual([canonical(read), duplicates], [canonical(value), false])
    }),
    { numRuns: 1_000 }
  )
})

test('bignums of CBOR are exact', () => {
  const bignum = (value: bigint): Uint8Array => {
    const size = value < 0n ? -1n - value : value
    const digits = size.toString(16)
    const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
    return Buffer.concat([Buffer.from([value < 0n ? 0xc3 : 0xc2]), encodeCbor(bytes)])
  }
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 1_000n), max: 2n ** 1_000n }), (value) => {
      assert.equal(BigInt(readCbor(bignum(value), binaryItemsMax).value as number), value)
    })
  )
})

test('MessagePack is read as another library wrote it', () => {
  const options = { useBigInt64: true }
  const given = document(large(-(2n ** 63n), 2n ** 64n - 1n))
  fc.assert(
    fc.property(given, (value) => {
      const { value: read, duplicates } = readMsgPack(encodeMsgPack(value, options), binaryItemsMax)
      assert.deepEqual([canonical(read), duplicates], [canonical(value), false])
    }),
    { numRuns: 2_000 }
  )
})

test('what was compressed is what it was', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.constantFrom(1, 6, 9), (bytes, level) => {
      for (const payload of [gzipSync(bytes, { level }), deflateSync(bytes, { level })]) {
        const result = decompress(payload, 'auto', 2_000)
        assert.ok('payload' in result)
        assert.deepEqual(Buffer.from(result.payload), Buffer.from(bytes))
      }
      // What is not compressed is given back untouched
      const plain = Buffer.concat([Buffer.from([0x7b]), bytes])
      assert.deepEqual(decompress(plain, 'auto', 2_000), { payload: plain })
    })
  )
})

const proto = `syntax = "proto3"; message M {
  double d = 1; int64 i = 2; string s = 3; bytes b = 4; repeated M m = 5; map<string, sint32> t = 6; map<uint64, M> u = 7;
  enum E { A = 0; B = 1; } E e = 8; repeated fixed64 f = 9; optional bool o = 10; }`
const schema = readSchemaFile(Buffer.from(proto), './m.proto').schema('M', false)
const M = protobuf.parse(proto, { keepCase: true }).root.lookupType('M')

test('Protobuf is read as it was written', () => {
  const longs = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const given = fc.record(
    {
      d: fc.double({ noNaN: true }).filter((value) => value !== 0),
      i: longs.filter((value) => value !== 0n),
      s: text.filter((value) => value !== ''),
      b: fc.uint8Array({ minLength: 1, maxLength: 20 }),
      e: fc.constant('B'),
      o: fc.boolean(),
      f: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 5 }),
      t: fc.dictionary(name, fc.integer(), { minKeys: 1, maxKeys: 3, noNullPrototype: true })
    },
    { requiredKeys: [] }
  )
  fc.assert(
    fc.property(given, fc.array(given, { maxLength: 3 }), (outer, inner) => {
      const plain = (one: typeof outer): Record<string, unknown> => ({
        ...one,
        ...(one.i !== undefined && { i: one.i.toString() }),
        ...(one.f !== undefined && { f: one.f.map(String) })
      })
      const encoded = M.encode(M.fromObject({ ...plain(outer), m: inner.map(plain) })).finish()
      const { value } = schema.read(encoded, encoded.length)
      const same = (one: unknown): unknown =>
        JSON.stringify(one, (_, part: unknown) =>
          typeof part === 'bigint'
            ? `i${part}`
            : typeof part === 'number'
              ? `i${part}`
              : part instanceof Uint8Array
                ? Buffer.from(part).toString('hex')
                : part
        )
      const sorted = (one: object): object =>
        Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      const expected = { ...sorted(outer), ...(inner.length > 0 && { m: inner.map(sorted) }) }
      const read = value as { m?: object[] }
      assert.equal(
        same(sorted({ ...read, ...(read.m !== undefined && { m: read.m.map(sorted) }) })),
        same(sorted(expected))
      )
    }),
    { numRuns: 1_000 }
  )
})

/** Bytes of a document, some of them changed, cut, doubled. */
const mutated = (encoded: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      encoded,
      fc.array(
        fc.tuple(
          fc.nat(),
          fc.oneof(
            fc.integer({ min: 0, max: 255 }),
            fc.constantFrom(0x9f, 0xbf, 0x5f, 0xff, 0xdd, 0xdf, 0xc1, 0xdb)
          )
        ),
        { maxLength: 4 }
      ),
      fc.nat(3),
      fc.nat()
    )
    .map(([bytes, changes, how, at]) => {
      const changed = Uint8Array.from(bytes)
      for (const [where, byte] of changes) if (changed.length > 0) changed[where % changed.length] = byte
      const cut = changed.length === 0 ? 0 : at % changed.length
      if (how === 1) return changed.subarray(0, cut)
      if (how === 2) return Uint8Array.from([...changed, ...changed.subarray(cut)])
      return changed
    })

const anything = document(large(-(2n ** 63n), 2n ** 64n - 1n))
const messageOfM = fc
  .tuple(fc.double(), text, fc.array(fc.record({ s: text, d: fc.double() }), { maxLength: 3 }))
  .map(([d, s, m]) => M.encode(M.fromObject({ d, s, m, t: { a: 1 }, b: Buffer.from(s), f: [1, 2] })).finish())

const kinds: Array<[name: string, lines: string[], payloads: fc.Arbitrary<Uint8Array>]> = [
  ['cbor', ['decoder: cbor'], anything.map((value) => encodeCbor(value))],
  ['msgpack', ['decoder: msgpack'], anything.map((value) => encodeMsgPack(value, { useBigInt64: true }))],
  ['protobuf', ['decoder: protobuf', 'schema: { file: ./m.proto, type: M }'], messageOfM],
  ['gzip', ['decoder: auto'], anything.map((value) => gzipSync(encodeCbor(value)))],
  ['zlib', ['compression: zlib', 'decoder: cbor'], anything.map((value) => deflateSync(encodeCbor(value)))]
]

for (const [kind, lines, payloads] of kinds)
  test(`${kind}: mutated bytes are read or rejected, in bounds`, () => {
    const limits = {
      decompressedBytesMax: 10_000,
      binaryItemsMax: 500,
      datapointBytesMax: 500,
      outputBytesMin: 2_000
    }
    const set = compileText(mapping('topic: x/{device}', ...lines), {
      limits,
      files: { './m.proto': Buffer.from(proto) }
    })
    const before = Object.keys(Object.prototype).length
    let [read, rejected] = [0, 0]
    fc.assert(
      fc.property(mutated(payloads), (payload) => {
        const bytes = Buffer.from(payload)
        const { outcome } = set.normalize(message('x/a', payload), null)
        assert.deepEqual(Buffer.from(payload), bytes)
        assert.ok(!reasons(outcome).includes('decoder_failed'), JSON.stringify(outcome.rejections))
        if (outcome.datapoints.length > 0) read++
        if (outcome.rejections.length > 0) rejected++
        for (const { exact } of outcome.datapoints)
          assert.ok((exact?.length ?? 0) <= limits.datapointBytesMax)
      }),
      { numRuns: 3_000 }
    )
    assert.ok(read > 50 && rejected > 50, `${read} read, ${rejected} rejected`)
    assert.equal(Object.keys(Object.prototype).length, before)
  })

test('any bytes at all are a document, or an UnreadableError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [
        () => readCbor(bytes, 1_000),
        () => readMsgPack(bytes, 1_000),
        () => schema.read(bytes, 1_000)
      ])
        try {
          read()
        } catch (error) {
          assert.ok(error instanceof UnreadableError, String(error))
          assert.ok(error.message.length < 300)
        }
    }),
    { numRuns: 20_000 }
  )
})
