/** Plain values: one topic for each metric, its payload a number, a word, text or bytes. */

import type { Convention, ConventionResult } from '../../normalize/convention.ts'
import { CommandFault } from '../../normalize/convention.ts'
import type { DecodedDatapoint, DecoderMessage } from '../../normalize/decoder.ts'
import { nameFault } from '../../normalize/names.ts'
import { defaultBooleans, readNumber } from '../../normalize/values.ts'
import { defaultLimits } from '../../limits.ts'
import { Facts } from '../facts.ts'
import type { CommandTopic } from '../plain-payload.ts'
import { readCommandTopic, readPayload, readTopics, toCommandTopic, toPayload } from '../plain-payload.ts'

export const values: Convention = {
  name: 'values',
  title: 'Plain values',
  asked: 'general',
  about:
    'One topic for each metric: the payload is a number (as JSON writes it, and `+5`, `.5`, `5.`; never `00123`, `0x10` or `NaN`, which are text), `true`, `false`, `null`, text, or bytes that are no UTF-8; gzip and zlib are read. Unlike `automatic: true`, it is for the topics that it is given, may read words as booleans, has commands, and leaves objects and lists to the next.',
  sources: ['https://www.rfc-editor.org/rfc/rfc8259#section-6'],
  options: {
    topics: {
      kind: 'templates',
      default: ['{device+}/{metric}'],
      about: 'Topics of metrics; each captures `{device}` and `{metric}`'
    },
    booleans: {
      kind: 'flag',
      default: false,
      about:
        '`ON`, `on`, `On`, `True`, `TRUE`, `OFF`, `off`, `Off`, `False`, `FALSE` are booleans; `1` and `0` stay numbers'
    },
    commandTopic: {
      kind: 'text',
      default: null,
      about: 'Where commands go, such as `{device}/{metric}/set`; without it there are none'
    },
    offlineAfter: {
      kind: 'duration',
      default: null,
      about: 'A device that is silent so long is offline'
    }
  },
  presence: 'With `offlineAfter`: online when it is heard, offline after silence. Else it is not known.',
  create(options) {
    const topics = readTopics(options, ['device', 'metric'])
    const booleans = options.flag('booleans')
    const commandTopic = readCommandTopic(options, ['device', 'metric'])
    return {
      routes: [
        ...(commandTopic === null ? [] : [commandTopic.route]),
        ...topics.map((topic) => ({
          topic,
          about: 'The value of `{metric}`; an empty payload says nothing',
          passes: true,
          decode: (_: unknown, message: DecoderMessage) => decodeValue(message, booleans)
        }))
      ],
      commands: commandTopic === null ? [] : [setCommand(commandTopic, booleans)]
    }
  }
}

function decodeValue(message: DecoderMessage, booleans: boolean): ConventionResult | null {
  const facts = new Facts()
  // [MQTT-3.3.1-6]: that a retained message is gone says nothing of what it said
  if (message.kind === 'cleared' || message.payload.length === 0) return facts.result()
  const { decoded, rejections } = readPayload(message)
  if (decoded !== null && isDocument(decoded.value)) return null
  for (const [reason, detail] of rejections) facts.reject(reason, detail)
  if (decoded === null) return facts.result()
  facts.datapoint({
    device: message.captures['device']!,
    metric: message.captures['metric']!,
    value: (booleans ? asBoolean(decoded.value) : decoded.value) as DecodedDatapoint['value']
  })
  return facts.measure(decoded.bytes).result()
}

const isDocument = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array)

const asBoolean = (value: unknown): unknown =>
  typeof value === 'string' ? (defaultBooleans.get(value.trim()) ?? value) : value

const setCommand = (topic: CommandTopic, booleans: boolean) =>
  ({
    name: 'set',
    about: 'Sends a value to a metric',
    topic: topic.text,
    parameters: {
      metric: { type: 'text', required: true, about: 'Name of the metric' },
      value: { type: 'any', required: true, about: 'The value; text is sent as it is, anything else as JSON' }
    },
    answer: 'Done when a message of the metric has this value: that it is so, and not whose doing it is',
    render: (
      target: Parameters<typeof toCommandTopic>[1],
      { metric, value }: Readonly<Record<string, unknown>>
    ) => {
      if (typeof metric !== 'string') throw new CommandFault('metric', 'Give the name of a metric')
      const fault = nameFault(metric, defaultLimits.nameBytesMax)
      if (fault !== null || /[+#]/.test(metric))
        throw new CommandFault('metric', `No name of a metric: ${fault ?? 'a topic has no + and #'}`)
      return {
        topic: toCommandTopic(topic, target, { metric }),
        payload: toPayload(value),
        qos: 1 as const,
        correlation: null,
        effect: { metric, value: shown(value, booleans) }
      }
    }
  }) as const

/** As it will be read when the device tells it. */
function shown(value: unknown, booleans: boolean): unknown {
  if (typeof value !== 'string') return value
  const plain = value === 'true' || value === 'false' ? value === 'true' : (readNumber(value) ?? value)
  return booleans ? asBoolean(plain) : plain
}
