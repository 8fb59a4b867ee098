/** Runs what docs/mappings.md and docs/decoders.md show, as it is written there. */

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Outcome } from '../../src/datapoints.ts'
import { defaultLimits } from '../../src/limits.ts'
import { modulesOf, toDecoder } from '../../src/normalize/compile-mappings.ts'
import type { MappingSet } from '../../src/normalize/mapping-set.ts'
import { showCommand } from './commands.ts'
import { compileText, createRunner, message, valueOf, values } from './mappings.ts'

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

/** Code blocks in order, with their language. */
const blocks = (text: string): Array<{ language: string; code: string }> =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, language, code]) => ({
    language: language!,
    code: code!
  }))

/** An outcome as the document writes it. */
function show(outcome: Outcome): string[] {
  const shown = (one: Outcome['datapoints'][number]): string => {
    const value = valueOf(one)
    if (typeof value === 'bigint') return String(value)
    if (typeof value === 'object' && value !== null && 'bytes' in value) return `0x${String(value.bytes)}`
    return typeof value === 'object' && value !== null && 'json' in value
      ? String(value.json)
      : JSON.stringify(value)
  }
  return [
    ...outcome.datapoints.map((one) => {
      const notes = [
        one.clock === 'device' ? new Date(one.observedAt).toISOString() : null,
        one.role === 'event' ? 'event' : null
      ]
      const said = notes.filter((note) => note !== null).map((note) => `  (${note})`)
      return `${one.device}  ${one.metric}  ${shown(one)}${one.unit === null ? '' : ` ${one.unit}`}${said.join('')}`
    }),
    ...outcome.presence.map(({ device, presence }) => `${device}  ${presence}`),
    ...outcome.rejections.map(({ reason }) => `rejected  ${reason}`)
  ]
}

const examples = blocks(read('mappings.md'))
/** The file that an example names. */
const files = { './sensors.proto': Buffer.from(examples.find(({ language }) => language === 'proto')!.code) }

for (const [index, { language, code }] of examples.entries()) {
  if (language !== 'yaml') continue
  test(`docs/mappings.md, example ${index + 1}: ${code.split('\n')[1]!.trim() || code.trim()}`, () => {
    const set = compileText(code, { files })
    const next = examples[index + 1]
    if (next?.language === 'commands') checkCommands(set, next.code)
    if (next?.language !== 'text') return
    const run = createRunner(set)
    let actual: string[] = []
    const expected: string[] = []
    const written = next.code.trimEnd().split('\n')
    for (const [at, line] of written.entries()) {
      if (!line.startsWith('  ')) {
        const [, topic, payload] = /^(\S+) {2,}(.*)$/.exec(line)!
        const bytes = /^0x(([0-9a-f]{2}){2,})$/.exec(payload!)?.[1]
        const given = bytes === undefined ? payload! : Buffer.from(bytes, 'hex')
        actual = [...actual, line, ...show(run(message(topic!, given))).map((shown) => `  ${shown}`)]
      }
      expected.push(written[at]!)
    }
    assert.deepEqual(actual, expected)
  })
}

/** Each command, to the device that was heard on a topic, and what becomes of it. */
function checkCommands(set: MappingSet, code: string): void {
  const lines = code.trimEnd().split('\n')
  const actual = lines
    .filter((line) => !line.startsWith('  '))
    .flatMap((line) => {
      const [, topic, name, payload] = /^(\S+) {2}(\S+) {2}(.*)$/.exec(line)!
      return [line, ...showCommand(set, topic!, name!, Buffer.from(payload!)).map((said) => `  ${said}`)]
    })
  assert.deepEqual(actual, lines)
}

test('docs/mappings.md has the bounds that there are, and each key', () => {
  const text = read('mappings.md')
  for (const bound of [
    '1 MiB, 1000 mappings',
    '10,000 datapoints of at most 1 MiB',
    '64 bytes for each byte',
    '64 KiB',
    '1024 bytes',
    '256 KiB',
    'five million',
    '1,000,000 values',
    '4 MiB',
    'becomes at most 16 MiB',
    'at most 100 levels',
    'to 32 MiB'
  ])
    assert.ok(text.replaceAll('\n', ' ').includes(bound), bound)
  assert.deepEqual(
    [
      defaultLimits.mappingsBytesMax,
      defaultLimits.mappingsMax,
      defaultLimits.datapointsPerMessageMax,
      defaultLimits.datapointBytesMax,
      defaultLimits.outputBytesPerByteMax,
      defaultLimits.outputBytesMin,
      defaultLimits.nameBytesMax,
      defaultLimits.decoderStateBytesMax,
      defaultLimits.expressionStepsMax,
      defaultLimits.binaryItemsMax,
      defaultLimits.protobufBytesMax,
      defaultLimits.decompressedBytesMax
    ],
    [2 ** 20, 1_000, 10_000, 2 ** 20, 64, 2 ** 16, 1_024, 2 ** 18, 5_000_000, 1_000_000, 2 ** 22, 2 ** 24]
  )
  assert.ok(examples.filter(({ language }) => language === 'text').length >= 7)
})

test('docs/decoders.md: the decoder runs as it is written', async () => {
  const [module, document] = blocks(read('decoders.md'))
  const folder = mkdtempSync(join(tmpdir(), 'rialto-decoder-'))
  after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pulses.mjs')
  writeFileSync(path, module!.code)
  assert.deepEqual(modulesOf(document!.code), ['./pulses.mjs'])
  const decoder = toDecoder(await import(pathToFileURL(path).href), 'hash')
  const set = compileText(document!.code, { modules: { './pulses.mjs': decoder } })
  assert.equal(set.mappings[0]!.stateful, true)
  const run = createRunner(set)
  const say = (device: string, ...bytes: number[]): Outcome =>
    run(message(`meters/${device}/pulses`, Uint8Array.from(bytes)))
  assert.deepEqual(values(say('a', 0, 0, 0, 5)), { 'a energy': 0 })
  assert.deepEqual(values(say('a', 0xff, 0xff, 0xff, 0xff)), { 'a energy': 0xffff_fffa })
  assert.deepEqual(values(say('b', 0, 0, 0, 9)), { 'b energy': 0 })
  const wrapped = say('a', 0, 0, 0, 1)
  assert.deepEqual(
    [values(wrapped), wrapped.datapoints[0]!.unit, wrapped.devices],
    [{ 'a energy': 0xffff_fffc }, 'Wh', ['a']]
  )
  assert.match(say('a', 1).rejections[0]!.detail, /4 bytes, not 1/)
})

interface Candidate {
  candidate: string
  version: string
  tasks: Record<string, { result: unknown; microseconds?: number }>
}

test('docs/decisions/0008 has the figures of the benchmark', () => {
  const file = new URL('../../bench/results/expressions.json', import.meta.url)
  const { results } = JSON.parse(readFileSync(file, 'utf8')) as { results: Candidate[] }
  const rows = read('decisions/0008-selecting-values.md')
    .split('\n')
    .filter((line) => line.startsWith('| `') || line.startsWith('| this'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  assert.equal(rows.length, results.length)
  for (const [index, { candidate, version, tasks }] of results.entries()) {
    const [, name, , path, filter, many, doubled, text] = rows[index]!
    if (candidate !== 'ours') assert.equal(name, `\`${candidate}\` ${version}`)
    const check = (cell: string | undefined, task: string, by: number, digits: number): void => {
      const { result, microseconds } = tasks[task]!
      if (cell === '-') assert.equal(result, 'not in the language')
      else if (microseconds === undefined) assert.equal(cell, result)
      else {
        assert.equal(
          Number(/[\d.]+/.exec(cell!)![0]).toFixed(digits),
          (microseconds / by).toFixed(digits),
          `${candidate} ${task}`
        )
        assert.equal(cell!.startsWith('refused'), String(result).startsWith('error'))
      }
    }
    check(path, 'plain', 1, 2)
    check(filter, 'filter', 1, 2)
    check(many, 'many items', 1_000, 0)
    check(doubled, 'doubling 25 times', 1_000, 0)
    check(text, 'text of a shared value', 1_000, 0)
  }
})
