/**
 * `npm run bench conventions`: messages per second that each convention decodes on one core, beside JSON.parse of a small
 * object in the same run. The messages are the examples of docs/conventions.md, over and over, with what is remembered.
 */

import { conventions } from '../src/conventions/conventions.ts'
import type { SourceMessage } from '../src/datapoints.ts'
import { defaultLimits } from '../src/limits.ts'
import { compileMappings } from '../src/normalize/compile-mappings.ts'
import type { DecoderState } from '../src/normalize/mapping-set.ts'
import { documentOf, examples, payloadOf } from '../test/conventions/everything.ts'
import { receivedAt } from '../test/normalize/mappings.ts'
import { cpuMicroseconds, median } from './cpu.ts'

const messages = 20_000
const repeats = 5
const baseline = '{"temperature":21.5,"humidity":40,"on":true,"state":"idle","battery":97}'

export async function benchConventions(write: (line: string) => void): Promise<object[]> {
  const results: object[] = []
  write('messages/s   us each   datapoints each   times JSON.parse of a small object')
  const bytes = Buffer.from(baseline)
  for (const name of conventions.keys()) {
    const { options, files = {}, messages: list } = examples.get(name)!
    const text = documentOf([{ convention: name, ...(options !== undefined && { options }) }])
    const set = compileMappings(
      { text, file: 'rialto.yaml' },
      { limits: defaultLimits, modules: new Map(), conventions, files: new Map(Object.entries(files)) }
    )
    const stream = list.map((example, index): SourceMessage => ({
      seq: index,
      kind: 'message',
      topic: example.topic,
      payload: payloadOf(example),
      properties: example.contentType === undefined ? null : { contentType: example.contentType },
      receivedAt
    }))
    const states = new Map<string, DecoderState | null>()
    let datapoints = 0
    const normalize = (index: number): void => {
      const message = stream[index % stream.length]!
      const key = set.match(message.topic)?.stateKey ?? null
      const { outcome, state } = set.normalize(message, key === null ? null : (states.get(key) ?? null))
      if (key !== null && state !== undefined) states.set(key, state)
      datapoints += outcome.datapoints.length
    }
    let parsed = 0
    const parse = (): void => {
      if (JSON.parse(bytes.toString('utf8')) !== null) parsed++
    }
    const rounds = Array.from(
      { length: repeats },
      () => [cpuMicroseconds(messages, normalize), cpuMicroseconds(messages, parse)] as const
    )
    if (datapoints === 0 || parsed === 0) throw new Error(`${name} gave nothing`)
    const [us, parseUs] = [median(rounds.map(([mine]) => mine)), median(rounds.map(([, bare]) => bare))]
    const result = {
      name,
      messagesPerSecond: Math.round(1e6 / us),
      microsecondsPerMessage: Number(us.toFixed(2)),
      datapointsPerMessage: Number((datapoints / messages / repeats).toFixed(2)),
      ratio: Number((us / parseUs).toFixed(1))
    }
    results.push(result)
    const cells = [
      String(result.messagesPerSecond).padStart(10),
      us.toFixed(2).padStart(9),
      result.datapointsPerMessage.toFixed(2).padStart(17),
      result.ratio.toFixed(1).padStart(8)
    ]
    write(`${cells.join(' ')}   ${name}`)
  }
  return results
}
