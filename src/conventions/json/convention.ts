/** Plain JSON objects: a topic is a device, the members of its objects are metrics. */

import { defaultLimits } from '../../limits.ts'
import type { Convention, ConventionResult } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import { flatten, isMembers } from '../../normalize/select.ts'
import { readTimestamp } from '../../normalize/timestamps.ts'
import { writeExact } from '../../normalize/exact-json.ts'
import { Facts } from '../facts.ts'
import type { CommandTopic } from '../plain-payload.ts'
import { readCommandTopic, readPayload, readTopics, toCommandTopic } from '../plain-payload.ts'

export const json: Convention = {
  name: 'json',
  title: 'Plain JSON objects',
  asked: 'general',
  about:
    'An object is a device with its members as metrics, to five levels, as `automatic: true` has it; CBOR and MessagePack by content type, gzip and zlib by their bytes. Unlike `automatic`, it is for the topics that it is given, knows the member that is the time, has commands, and leaves all that does not begin as an object to the next.',
  sources: ['https://www.rfc-editor.org/rfc/rfc8259'],
  options: {
    topics: {
      kind: 'templates',
      default: ['{device+}'],
      about: 'Topics of devices; each captures `{device}`'
    },
    timestamp: {
      kind: 'text',
      default: null,
      about:
        'Name of the member that is the time: RFC 3339, or a number of seconds to nanoseconds by its size'
    },
    commandTopic: {
      kind: 'text',
      default: null,
      about: 'Where commands go, such as `{device}/set`; without it there are none'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence: 'With `offlineAfter`: online when it is heard, offline after silence. Else it is not known.',
  create(options) {
    const topics = readTopics(options, ['device'])
    const timestamp = options.text('timestamp')
    const commandTopic = readCommandTopic(options, ['device'])
    return {
      routes: [
        ...(commandTopic === null ? [] : [commandTopic.route]),
        ...topics.map((topic) => ({
          topic,
          about:
            'Members: metrics by their path, `door.open`; lists, and what is deeper, are one value of type json. `null` is null',
          passes: true,
          decode: (_: unknown, message: DecoderMessage) => decodeObject(message, timestamp)
        }))
      ],
      commands: commandTopic === null ? [] : [setCommand(commandTopic)]
    }
  }
}

function decodeObject(message: DecoderMessage, timestamp: string | null): ConventionResult | null {
  // [MQTT-3.3.1-6]: that a retained message is gone says nothing of what it said
  if (message.kind === 'cleared' || message.payload.length === 0) return null
  const { decoded, rejections } = readPayload(message)
  if (typeof decoded?.value === 'string' && looksLikeObject(message.payload))
    rejections.push(['malformed_json', 'The payload begins as an object of JSON, and is none'])
  else if (decoded !== null && !isMembers(decoded.value)) return null
  const facts = new Facts()
  for (const [reason, detail] of rejections) facts.reject(reason, detail)
  if (decoded === null || !isMembers(decoded.value)) return facts.result()
  const members = decoded.value
  const told = timestamp !== null && Object.hasOwn(members, timestamp) ? members[timestamp] : null
  const observedAt = told === null ? null : readTimestamp(told, 'auto')
  if (told !== null && observedAt === null)
    facts.reject(
      'invalid_timestamp',
      `The member ${JSON.stringify(timestamp)} is no time; the time of receipt was taken`
    )
  const device = message.captures['device']!
  let left = defaultLimits.datapointsPerMessageMax + 1
  flatten(members, defaultLimits.flattenDepthMax, '', (metric, value) => {
    if (metric === timestamp && observedAt !== null) return true
    facts.datapoint({
      device,
      metric,
      value: value as object,
      ...(observedAt !== null && { observedAt })
    })
    return --left > 0
  })
  return facts.measure(decoded.bytes).result()
}

const looksLikeObject = (payload: Uint8Array): boolean =>
  payload.find((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) === 0x7b

const setCommand = (topic: CommandTopic) =>
  ({
    name: 'set',
    about: 'Sends an object',
    topic: topic.text,
    parameters: {
      value: { type: 'object', required: true, about: 'The object to send' }
    },
    answer:
      'Done when a message has the member with this value, where the object has one member: that it is so, and not whose doing it is; else nothing shows',
    render: (target: Parameters<typeof toCommandTopic>[1], { value }: Readonly<Record<string, unknown>>) => {
      if (!isMembers(value)) throw new CommandFault('value', 'Give an object')
      const members = Object.entries(value)
      const [metric, told] = members[0] ?? []
      const shows = members.length === 1 && !isMembers(told)
      return {
        topic: toCommandTopic(topic, target),
        payload: writeExact(value, defaultLimits.commandPayloadBytesMax),
        qos: 1 as const,
        contentType: 'application/json',
        correlation: null,
        effect: shows ? { metric: metric!, value: told } : null
      }
    }
  }) as const
