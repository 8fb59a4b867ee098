/** `npm run bench normalize`: what it costs to normalize a message, beside JSON.parse of its payload in the same run. */

import type { SourceMessage } from '../src/datapoints.ts'
import { defaultLimits } from '../src/limits.ts'
import { compileMappings } from '../src/normalize/compile-mappings.ts'
import { cpuMicroseconds, median } from './cpu.ts'

const messages = 200_000
const topics = 1_000
const repeats = 5

const metrics = '{ name: temperature, value: data.temp, unit: "°C" }'
const mapping = (...lines: string[]): string =>
  `mappings:\n  - name: bench\n    topic: bench/{site}/{device}\n${lines.map((line) => `    ${line}\n`).join('')}`

/** Name, rialto.yaml, payload, and whether JSON.parse reads it. */
const cases: Array<[name: string, text: string, payload: string]> = [
  ['object of one, automatic', 'automatic: true', '{"temperature":21.5}'],
  [
    'object of five, automatic',
    'automatic: true',
    '{"temperature":21.5,"humidity":40,"on":true,"state":"idle","battery":97}'
  ],
  ['object of one, one mapping', mapping(), '{"temperature":21.5}'],
  ['named metric, selected', mapping(`metrics: [${metrics}]`), '{"data":{"temp":21.5}}'],
  [
    'named metric, with a timestamp',
    mapping(`metrics: [${metrics}]`, 'timestamp: { select: ts }', 'offlineAfter: 5m'),
    '{"data":{"temp":21.5},"ts":1763985600123}'
  ],
  [
    'named metric, filtered',
    mapping(`metrics: [{ name: t, value: "list[?n=='b'].v | [0]" }]`),
    '{"list":[{"n":"a","v":1},{"n":"b","v":2}]}'
  ],
  ['object of one, replace', mapping('merge: replace'), '{"temperature":21.5}'],
  ['object of one, merge', mapping('merge: merge'), '{"temperature":21.5}'],
  ['number as text', 'automatic: true', '21.5'],
  ['integer beyond 2^53', 'automatic: true', '{"counter":18446744073709551615}']
]

export async function benchNormalize(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  write('us of CPU per message   JSON.parse   ratio')
  for (const [name, text, payloadText] of cases) {
    const set = compileMappings({ text, file: 'rialto.yaml' }, { limits: defaultLimits, modules: new Map() })
    const payload = Buffer.from(payloadText)
    const states = new Map<string, object>()
    const stream = Array.from({ length: topics }, (_, index): SourceMessage => ({
      seq: index,
      kind: 'message',
      topic: `bench/site-${index % 10}/device-${index}`,
      payload,
      properties: null,
      receivedAt: 1_763_985_600_000
    }))
    let datapoints = 0
    const normalize = (index: number): void => {
      const message = stream[index % topics]!
      const key = set.match(message.topic)!.stateKey
      const { outcome, state } = set.normalize(message, key === null ? null : (states.get(key) ?? null))
      if (key !== null && typeof state === 'object' && state !== null) states.set(key, state)
      datapoints += outcome.datapoints.length
    }
    const parse = (): void => {
      datapoints += JSON.parse(payload.toString('utf8')) === undefined ? 1 : 0
    }
    const rounds = Array.from(
      { length: repeats },
      () => [cpuMicroseconds(messages, normalize), cpuMicroseconds(messages, parse)] as const
    )
    if (datapoints < messages * repeats) throw new Error(`${name} gave ${datapoints} datapoints`)
    const [us, parseUs] = [median(rounds.map(([mine]) => mine)), median(rounds.map(([, bare]) => bare))]
    const result = {
      name,
      microsecondsPerMessage: Number(us.toFixed(2)),
      jsonParseMicroseconds: Number(parseUs.toFixed(2)),
      ratio: Number((us / parseUs).toFixed(1))
    }
    results.push(result)
    write(
      `${us.toFixed(2).padStart(10)} ${parseUs.toFixed(2).padStart(21)} ${result.ratio.toFixed(1).padStart(7)}   ${name}`
    )
  }
  return results
}
