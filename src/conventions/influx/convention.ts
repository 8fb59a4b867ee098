/** InfluxDB line protocol. */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import type { Convention, ConventionResult } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { Facts, readText } from '../facts.ts'
import { inflateMessage } from '../inflate.ts'
import type { Point } from './line-protocol.ts'
import { readLines } from './line-protocol.ts'

interface Options {
  precision: 'ns' | 'us' | 'ms' | 's'
  deviceTag: string
  ignored: ReadonlySet<string>
}

export const influx: Convention = {
  name: 'influx',
  title: 'InfluxDB line protocol',
  about:
    'Lines of `measurement,tags fields timestamp`, as Telegraf publishes them. The device is `{device}` of the topic, else the tag `host` (option `deviceTag`), else the measurement. The metric is `measurement.field` with all other tags behind it, sorted by name, `cpu.usage_idle,cpu=cpu0`: series that differ in a tag are different metrics. In it a backslash stands before a dot of the measurement, a comma of the field and of a value, and an equals sign of a name of a tag. Lines that cannot be read are rejected, and the others kept.',
  sources: [
    'https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/',
    'https://github.com/influxdata/telegraf/tree/master/plugins/outputs/mqtt'
  ],
  options: {
    topics: {
      kind: 'templates',
      default: ['telegraf/#'],
      about: 'Topics with line protocol; one that captures `{device}` tells the device'
    },
    precision: {
      kind: 'text',
      default: 'ns',
      about: 'Unit of the timestamps: `ns`, `us`, `ms`, `s`'
    },
    deviceTag: { kind: 'text', default: 'host', about: 'The tag that names the device' },
    ignoreTags: {
      kind: 'texts',
      default: [],
      about: 'Tags that tell no series apart, and are left out of the metric'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence: 'With `offlineAfter`: online when it is heard, offline after silence. Else it is not known.',
  create(options) {
    const precision = options.text('precision') ?? 'ns'
    if (precision !== 'ns' && precision !== 'us' && precision !== 'ms' && precision !== 's')
      throw new OptionFault('precision', `${precision} is no precision`, 'Write ns, us, ms or s')
    const read: Options = {
      precision,
      deviceTag: options.text('deviceTag') ?? 'host',
      ignored: new Set(options.texts('ignoreTags'))
    }
    return {
      routes: options.texts('topics').map((topic) => ({
        topic,
        about:
          'Fields: floats, integers (`i`, `u`) exact, booleans, text. The timestamp is the time of all fields of its line',
        decode: (_: unknown, message: DecoderMessage) => decodeLines(message, read)
      })),
      commands: []
    }
  }
}

function decodeLines(given: DecoderMessage, options: Options): ConventionResult {
  const facts = new Facts()
  if (given.kind === 'cleared') return facts.result()
  const message = inflateMessage(given, facts)
  const text = message === null ? undefined : readText(message, facts)
  if (text === undefined) return facts.result()
  const { datapointsPerMessageMax: max } = defaultLimits
  let [faults, told] = [0, 0]
  readLines(
    text,
    (point) => {
      told += tell(point, given.captures['device'] ?? null, options, facts)
      return told <= max
    },
    ({ line, fault }) => {
      if (faults++ < max) facts.reject('wrong_shape', `Line ${line}: ${fault}`)
    }
  )
  return facts.result()
}

/** How many datapoints. */
function tell(
  { measurement, tags, fields, timestamp }: Point,
  captured: string | null,
  { precision, deviceTag, ignored }: Options,
  facts: Facts
): number {
  const tagged = tags.find(([name]) => name === deviceTag)?.[1]
  const device = captured ?? tagged ?? measurement
  const observedAt = timestamp === null ? null : readTime(timestamp, precision)
  if (timestamp !== null && observedAt === null)
    facts.reject(
      'invalid_timestamp',
      `${JSON.stringify(timestamp.slice(0, 40))} is no timestamp; the time of receipt was taken`
    )
  const series = tags
    .filter(([name, value]) => !ignored.has(name) && !(name === deviceTag && value === device))
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `,${escape(name, /[\\=]/g)}=${escape(value, /[\\,]/g)}`)
    .join('')
  const prefix = escape(measurement, /[\\.]/g)
  for (const [name, value] of fields)
    facts.datapoint({
      device,
      metric: `${prefix}.${escape(name, /[\\,]/g)}${series}`,
      value,
      ...(observedAt !== null && { observedAt })
    })
  return fields.length
}

/** So that no two series have one name. */
const escape = (text: string, chars: RegExp): string => text.replace(chars, String.raw`\$&`)

const readTime = (digits: string, precision: Options['precision']): Millis | null =>
  /^-?\d{1,19}$/.test(digits) ? readTimestamp(BigInt(digits), precision) : null
