/**
 * What devices say under `stat` and `tele`: STATE, SENSOR, RESULT, STATUS, INFO, LOGGING, and topics named as a command
 * or as a rule of the user names them (https://tasmota.github.io/docs/MQTT/). Pure.
 */

import type { DecodedDatapoint, DecoderMessage } from '../../normalize/decoder.ts'
import { Facts, isObject, readJson, readText } from '../facts.ts'
import { attributesOf } from './attributes.ts'
import type { ReadTime } from './local-time.ts'
import { commanding, isEvent } from './events.ts'
import type { Units } from './units.ts'
import { sensorUnits, stateUnits, unitMembers } from './units.ts'

/** Whose members are metrics as they are. */
const containers = /^(STATE|SENSOR|RESULT|STATUS\d*|INFO\d|MARGINS|UPTIME|HASS_STATE)$/

/** `leaf` is what stands after the FullTopic, often one level: SENSOR, or 8F20/SENSOR. */
export function decodeLeaf(device: string, leaf: string, message: DecoderMessage, readTime: ReadTime): Facts {
  const facts = new Facts()
  if (message.kind === 'cleared') return facts
  const levels = leaf.split('/')
  const kind = [levels.at(-1)!, levels[0]!].find((level) => containers.test(level))
  if (kind === undefined && leaf === 'LOGGING') return decodeLog(device, message, facts)
  const isJson = /^\s*[{[]/.test(Buffer.from(message.payload.subarray(0, 64)).toString('latin1'))
  const value = isJson || kind !== undefined ? readJson(message, facts) : readWord(message, facts)
  if (value === undefined) return facts
  if (isObject(value)) sayMembers({ device, facts, message, readTime }, value, kind ?? null, leaf)
  else if (kind !== undefined) facts.reject('wrong_shape', `${kind} is JSON, but no object`)
  else facts.datapoint({ device, metric: leaf, value })
  return facts
}

interface Said {
  device: string
  facts: Facts
  message: DecoderMessage
  readTime: ReadTime
}

function sayMembers(said: Said, members: Record<string, unknown>, kind: string | null, leaf: string): void {
  if (kind !== null && /^STATUS\d*$/.test(kind)) return sayStatus(said, members)
  if (kind !== null && /^INFO\d$/.test(kind)) return sayAbout(said, unwrap(members))
  if (kind === 'STATE') return say(said, members, stateUnits)
  if (kind === 'SENSOR') return say(said, members, sensorUnits(members))
  if (kind === 'HASS_STATE') return sayAbout(said, members)
  // With SetOption4 the topic of an answer is its command, and so is its member
  const isAnswer = Object.keys(members).some((name) => name.toUpperCase() === leaf.toUpperCase())
  const units = Object.hasOwn(members, 'ZbReceived') ? sensorUnits(members) : stateUnits
  say(said, members, units, kind === null && !isAnswer ? [leaf] : [])
}

/** `{"Info1": {...}}`; before 9.5 without the object around it. */
function unwrap(members: Record<string, unknown>): Record<string, unknown> {
  const [entry, ...others] = Object.entries(members)
  return entry !== undefined && others.length === 0 && /^Info\d$/.test(entry[0]) && isObject(entry[1])
    ? entry[1]
    : members
}

/** `Status 0` may have all of them in one message. */
function sayStatus(said: Said, members: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(members)) {
    if (!isObject(value)) say(said, Object.fromEntries([[name, value]]), stateUnits)
    else if (name === 'StatusSNS') say(said, value, sensorUnits(value))
    else if (name === 'StatusSTS') say(said, value, stateUnits)
    else if (name === 'StatusFWR' || name === 'StatusNET' || name === 'Status') sayAbout(said, value, [name])
    else say(said, value, stateUnits, [name])
  }
}

/** What is known of the device are attributes, the rest metrics. */
function sayAbout(said: Said, members: Record<string, unknown>, prefix: string[] = []): void {
  const { attributes, rest } = attributesOf(members, prefix.length > 0)
  if (Object.keys(attributes).length > 0) said.facts.attributes(said.device, attributes)
  say(said, rest, stateUnits, prefix)
}

function say(said: Said, members: Record<string, unknown>, units: Units, prefix: string[] = []): void {
  const { device, facts, message, readTime } = said
  const time = readTime(members, message.receivedAt)
  if (time === undefined)
    facts.reject('invalid_timestamp', 'Time or Epoch cannot be read; the time of receipt was taken')
  const at = typeof time === 'number' ? { observedAt: time } : {}
  const commands = commanding(members)
  for (const [name, value] of Object.entries(members)) {
    if (name === 'Time' || name === 'Epoch') continue
    sayPath([name], value, members, (path, leaf, siblings) => {
      if (unitMembers.has(path.at(-1)!)) return
      const unit = typeof leaf === 'number' || Array.isArray(leaf) ? units(path, siblings) : undefined
      facts.datapoint({
        device,
        metric: [...prefix, ...path].join('.'),
        value: leaf as DecodedDatapoint['value'],
        ...at,
        ...(unit !== undefined && { unit }),
        ...(isEvent([...prefix, ...path], leaf, commands) && { role: 'event' })
      })
    })
  }
}

type Push = (path: string[], leaf: unknown, siblings: Record<string, unknown>) => void

/** As flatten, and with the path as names, since those of sensors may have dots. */
function sayPath(path: string[], value: unknown, siblings: Record<string, unknown>, push: Push): void {
  if (path.length < 5 && isObject(value) && Object.keys(value).length > 0)
    for (const [name, member] of Object.entries(value)) sayPath([...path, name], member, value, push)
  else push(path, value, siblings)
}

function decodeLog(device: string, message: DecoderMessage, facts: Facts): Facts {
  const line = readText(message, facts)
  if (line !== undefined && line !== '')
    facts.datapoint({ device, metric: 'LOGGING', value: line, role: 'event' })
  return facts
}

/** ON, 50, or text; undefined where there is none. */
function readWord(message: DecoderMessage, facts: Facts): string | number | undefined {
  if (message.payload.length === 0) {
    facts.reject('empty_payload', 'The payload is empty, and a device says something')
    return undefined
  }
  const word = readText(message, facts)
  return word !== undefined && /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/.test(word) ? Number(word) : word
}
