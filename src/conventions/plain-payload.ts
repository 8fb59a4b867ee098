/** What the conventions without a format of their own have in common: payloads as mappings read them, commands. Pure. */

import { defaultLimits } from '../limits.ts'
import type { RejectionReason } from '../datapoints.ts'
import type { CommandTarget, ConventionRoute, OptionValues } from '../normalize/convention.ts'
import { CommandFault, OptionFault } from '../normalize/convention.ts'
import type { DecodedMessage } from '../normalize/decode-payload.ts'
import { automaticEncoding, decode } from '../normalize/decode-payload.ts'
import type { DecoderMessage } from '../normalize/decoder.ts'
import { writeExact } from '../normalize/exact-json.ts'
import type { Captures } from '../normalize/topic-template.ts'
import { isTemplateFault, parseTextTemplate, parseTopicTemplate } from '../normalize/topic-template.ts'
import { topicFault } from '../topic.ts'
import { Facts } from './facts.ts'

export interface Payload {
  /** null: it cannot be read, and `rejections` say why. */
  decoded: DecodedMessage | null
  rejections: Array<[reason: RejectionReason, detail: string]>
}

/** As `decoder: auto` of a mapping reads it. */
export function readPayload(message: DecoderMessage): Payload {
  const rejections: Payload['rejections'] = []
  const decoded = decode(automaticEncoding, message, defaultLimits, (reason, detail) =>
    rejections.push([reason, detail])
  )
  return { decoded, rejections }
}

/** The templates of the option `topics`, each of which captures what is needed. */
export function readTopics(options: OptionValues, captures: readonly string[]): readonly string[] {
  const topics = options.texts('topics')
  for (const topic of topics) {
    const parsed = parseTopicTemplate(topic, defaultLimits.topicLevelsMax)
    const names = isTemplateFault(parsed) ? [] : parsed.names
    const missing = captures.find((name) => !names.includes(name))
    if (missing !== undefined)
      throw new OptionFault(
        'topics',
        `${topic} does not tell the ${missing}`,
        `Name a level of it {${missing}}, or {${missing}+} for several`
      )
  }
  return topics
}

export interface CommandTopic {
  text: string
  render(captures: Captures): string
  /** What is sent there tells nothing of the device. */
  route: ConventionRoute
}

/** The option `commandTopic`: where commands go, of names that topics capture; null: there are none. */
export function readCommandTopic(options: OptionValues, captures: readonly string[]): CommandTopic | null {
  const text = options.text('commandTopic')
  if (text === null) return null
  const template = parseTextTemplate(text)
  if (!('render' in template)) throw new OptionFault('commandTopic', template.message, template.fix)
  const unknown = template.names.find((name) => !captures.includes(name))
  if (unknown !== undefined)
    throw new OptionFault(
      'commandTopic',
      `There is no {${unknown}} here`,
      `There is {${captures.join('}, {')}}`
    )
  // As many levels as in the topics, and of one of the names at most
  const several = captures.find((name) =>
    options.texts('topics').some((topic) => topic.includes(`{${name}+}`))
  )
  const pattern = several === undefined ? text : text.replace(`{${several}}`, `{${several}+}`)
  const parsed = parseTopicTemplate(pattern, defaultLimits.topicLevelsMax)
  if (isTemplateFault(parsed)) throw new OptionFault('commandTopic', parsed.message, parsed.fix)
  return {
    text,
    render: (known) => template.render(known),
    route: {
      topic: pattern,
      about: 'Commands, ours and those of others: nothing is learned from them',
      decode: () => new Facts().result()
    }
  }
}

/** Where a command goes. Throws CommandFault. */
export function toCommandTopic(topic: CommandTopic, target: CommandTarget, more: Captures = {}): string {
  const rendered = topic.render({ ...target.captures, device: target.device, ...more })
  const fault = topicFault(rendered, defaultLimits.topicLevelsMax)
  if (fault === null) return rendered
  throw new CommandFault(null, `${topic.text} gives no topic to publish to: ${fault}`)
}

/** Text as it is, everything else as JSON. */
export const toPayload = (value: unknown): string =>
  typeof value === 'string' ? value : writeExact(value, defaultLimits.commandPayloadBytesMax)
