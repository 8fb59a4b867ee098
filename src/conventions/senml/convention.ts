/** SenML (RFC 8428), in JSON and CBOR. */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import { UnreadableError } from '../../normalize/binary-document.ts'
import { mediaType } from '../../normalize/content-types.ts'
import type { Convention, ConventionResult } from '../../normalize/convention.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import { readCbor } from '../../normalize/read-cbor.ts'
import { Facts, readJson } from '../facts.ts'
import { inflateMessage } from '../inflate.ts'
import { readCommandTopic } from '../plain-payload.ts'
import { actuate } from './actuate.ts'
import { addressOf } from './names.ts'
import { resolve } from './records.ts'

export const senml: Convention = {
  name: 'senml',
  title: 'SenML',
  about:
    'Sensor Measurement Lists: on any topic by their content type, and on the topics of the option `topics` without one. The device of `urn:dev:ow:10e2073a0108006:voltage` is `urn:dev:ow:10e2073a0108006`, and its metric `voltage`; likewise of other URNs. Of other names the device is the base name, without the `:`, `/`, `.`, `-` or `_` at its end; without a base name, what stands before the last `/` or `:`; without those, the topic. Where the topic captures `{device}`, that is the device, and the metric is what stands behind it in the name, or the whole name. A name that is only the device is its metric `value`.',
  sources: [
    'https://www.rfc-editor.org/rfc/rfc8428',
    'https://www.rfc-editor.org/rfc/rfc8798',
    'https://www.rfc-editor.org/rfc/rfc9039'
  ],
  options: {
    topics: {
      kind: 'templates',
      default: [],
      about: 'Topics where all is SenML, whatever its content type; one may capture `{device}`'
    },
    commandTopic: {
      kind: 'text',
      default: null,
      about: 'Where actuations go, such as `actuators/{device}`; without it there are none'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence:
    'With `offlineAfter`: online when it is heard, offline after silence. The update time `ut` is not used.',
  create(options) {
    const topics = options.texts('topics')
    const commandTopic = readCommandTopic(options, ['device'])
    return {
      routes: [
        ...(commandTopic === null ? [] : [commandTopic.route]),
        ...topics.map((topic) => ({
          topic,
          about:
            'Records with bases resolved: `v`, `vs`, `vb` and `vd` (bytes) are the value, `u` the unit, `t` the time; below 2^28 it counts from receipt. A sum `s` is the metric with `.sum` behind it, its unit times seconds',
          decode: (_: unknown, message: DecoderMessage) => decodePack(message, mediaType(message.properties))
        })),
        {
          topic: '#',
          about:
            'The same, by content type: `application/senml+json`, `senml+cbor`, and `sensml+json`, `sensml+cbor`, whose list may be cut',
          passes: true,
          decode: (_: unknown, message: DecoderMessage) => {
            const type = mediaType(message.properties)
            return /^application\/sens?ml\+(json|cbor)$/.test(type) ? decodePack(message, type) : null
          }
        }
      ],
      commands: commandTopic === null ? [] : [actuate(commandTopic)]
    }
  }
}

/** Section 4.5.3: a smaller time counts from now, in either direction. */
const absoluteSecondsMin = 2 ** 28

function decodePack(given: DecoderMessage, type: string): ConventionResult {
  const facts = new Facts()
  if (given.kind === 'cleared') return facts.result()
  const message = inflateMessage(given, facts)
  if (message === null) return facts.result()
  const isCbor = type.endsWith('+cbor') || (!type.endsWith('json') && isCborList(message.payload))
  const items = isCbor ? readCborList(message, type, facts) : readJsonList(message, type, facts)
  if (items === null) return facts.result()
  const { records, faults } = resolve(items, isCbor, defaultLimits.datapointsPerMessageMax + 1)
  for (const fault of faults.slice(0, defaultLimits.datapointsPerMessageMax))
    facts.reject('wrong_shape', `SenML: ${fault}`)
  const captured = message.captures['device'] ?? null
  for (const record of records) {
    const { device, metric } = addressOf(record.baseName, record.name, message.topic, captured)
    const observedAt = toMillis(record.time, message.receivedAt)
    if (observedAt === null)
      facts.reject('invalid_timestamp', 'SenML: a time is none; the time of receipt was taken')
    const shared = { device, ...(record.time !== 0 && observedAt !== null && { observedAt }) }
    const unit = record.unit
    if (record.value !== undefined)
      facts.datapoint({ ...shared, metric, value: record.value, ...(unit !== null && { unit }) })
    if (record.sum !== null)
      facts.datapoint({
        ...shared,
        metric: `${metric}.sum`,
        value: record.sum,
        ...(unit !== null && { unit: `${unit}*s` })
      })
  }
  return facts.result()
}

function toMillis(seconds: number, receivedAt: Millis): Millis | null {
  const millis = Math.round(seconds * 1_000) + (seconds < absoluteSecondsMin ? receivedAt : 0)
  return Number.isSafeInteger(millis) ? millis : null
}

/** A list of CBOR, with or without a length; no text begins so. */
const isCborList = ([head]: Uint8Array): boolean => head !== undefined && head >= 0x80 && head <= 0x9f

/** Section 6; the list of a stream may have no end. */
function readCborList(message: DecoderMessage, type: string, facts: Facts): unknown[] | null {
  const { payload } = message
  const attempts: Uint8Array[] = [payload]
  if (type.startsWith('application/sensml') && payload[0] === 0x9f)
    attempts.push(Buffer.concat([payload, Buffer.of(0xff)]))
  let fault: UnreadableError | null = null
  for (const attempt of attempts)
    try {
      const { value } = readCbor(attempt, defaultLimits.binaryItemsMax)
      return toList(value, facts)
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error
      fault ??= error
    }
  facts.reject(payload.length === 0 ? 'empty_payload' : fault!.reason, `SenML: ${fault!.message}`)
  return null
}

/** Section 5; of a stream, a part may have no brackets at its ends. */
function readJsonList(message: DecoderMessage, type: string, facts: Facts): unknown[] | null {
  let { payload } = message
  if (type === 'application/sensml+json') {
    const text = Buffer.from(payload).toString('utf8').trim().replace(/^,|,$/g, '')
    payload = Buffer.from(`${text.startsWith('[') ? '' : '['}${text}${text.endsWith(']') ? '' : ']'}`)
  }
  const value = readJson({ ...message, payload }, facts)
  return value === undefined ? null : toList(value, facts)
}

function toList(value: unknown, facts: Facts): unknown[] | null {
  if (Array.isArray(value)) return value
  facts.reject('wrong_shape', 'SenML is a list of records, and this is none')
  return null
}
