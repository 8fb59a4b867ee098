/** Folds a chunk, so that a row of a device or a metric is written once for all messages that concern it. Pure. */

import type { NormalizedDatapoint, NormalizedPresence } from '../datapoints.ts'
import type { Millis, Seq } from '../model.ts'
import type { ProjectedMessage } from './projected.ts'

/** Each with the message that said so: what an older one says does not replace it. */
export type Attributes = Map<string, [seq: Seq, value: unknown]>

export interface FoldedDevice {
  name: string
  /** Newest message that concerns it. */
  seq: Seq
  /** Newest message from it, or, as long as there is none, the newest of others that speak of it: says what follows. */
  messageSeq: Seq
  topicId: number
  mapping: string
  offlineAfterSeconds: number | null
  firstSeenAt: Millis
  lastSeenAt: Millis | null
  attributes: Attributes | null
}

export interface FoldedDatapoint {
  seq: Seq
  n: number
  /** Number of its metric. */
  metric: number
  topicId: number
  receivedAt: Millis
  value: NormalizedDatapoint
}

/** Presence as said by one message, or by several in a row that say the same. */
export interface FoldedAssertion extends Pick<NormalizedPresence, 'presence' | 'source' | 'at'> {
  /** Number of the device. */
  device: number
  topic: string
  /** The last message that said so. */
  seq: Seq
}

export interface Folded {
  devices: FoldedDevice[]
  metrics: Array<{ device: number; name: string }>
  datapoints: FoldedDatapoint[]
  /** Of each metric, the number of its greatest datapoint. */
  greatest: number[]
  /** In the order in which they were said. */
  assertions: FoldedAssertion[]
}

export function foldChunk(messages: readonly ProjectedMessage[]): Folded {
  const folded: Folded = { devices: [], metrics: [], datapoints: [], greatest: [], assertions: [] }
  const deviceNumbers = new Map<string, number>()
  /** By number of the device, since names of metrics repeat from one to the next. */
  const metricNumbers: Array<Map<string, number>> = []
  /** By number of the device: its last assertion. */
  const lastAssertions: FoldedAssertion[] = []

  function numberOf(name: string, message: ProjectedMessage): number {
    let number = deviceNumbers.get(name)
    if (number === undefined) {
      number = folded.devices.length
      deviceNumbers.set(name, number)
      metricNumbers.push(new Map())
      folded.devices.push(newDevice(name, message))
    }
    const device = folded.devices[number]!
    device.seq = Math.max(device.seq, message.seq)
    device.firstSeenAt = Math.min(device.firstSeenAt, message.receivedAt)
    if (device.lastSeenAt === null) describe(device, message)
    return number
  }

  for (const message of messages) {
    for (const name of message.devices) hear(folded.devices[numberOf(name, message)]!, message)
    for (const [index, value] of message.datapoints.entries()) {
      const n = message.numbers?.[index] ?? index
      const device = numberOf(value.device, message)
      const metric = metricOf(folded, metricNumbers[device]!, device, value.metric)
      const { seq, topicId } = message
      const receivedAt = value.receivedAt ?? message.receivedAt
      const datapoint = { seq, n, metric, topicId, receivedAt, value }
      const place = folded.datapoints.push(datapoint) - 1
      const greatest = folded.greatest[metric]
      if (greatest === undefined || isGreater(datapoint, folded.datapoints[greatest]!))
        folded.greatest[metric] = place
    }
    for (const { device: name, presence, source, at } of message.presence) {
      const device = numberOf(name, message)
      const last = lastAssertions[device]
      if (last?.presence === presence) last.seq = Math.max(last.seq, message.seq)
      else {
        const { topic, seq } = message
        folded.assertions.push((lastAssertions[device] = { device, presence, source, at, topic, seq }))
      }
    }
    for (const { device: name, attributes } of message.attributes) {
      const device = folded.devices[numberOf(name, message)]!
      const said = Object.entries(attributes).map(
        ([key, value]) => [key, [message.seq, value]] as [string, [Seq, unknown]]
      )
      device.attributes = mergeAttributes(device.attributes ?? new Map(), new Map(said))
    }
  }
  return folded
}

export function mergeAttributes(known: Attributes, said: ReadonlyMap<string, [Seq, unknown]>): Attributes {
  const merged = new Map(known)
  for (const [name, entry] of said) if ((known.get(name)?.[0] ?? 0) <= entry[0]) merged.set(name, entry)
  return merged
}

const newDevice = (name: string, message: ProjectedMessage): FoldedDevice => ({
  name,
  seq: message.seq,
  messageSeq: message.seq,
  topicId: message.topicId,
  mapping: message.mapping,
  offlineAfterSeconds: message.offlineAfterSeconds,
  firstSeenAt: message.receivedAt,
  lastSeenAt: null,
  attributes: null
})

function hear(device: FoldedDevice, message: ProjectedMessage): void {
  if (device.lastSeenAt === null) device.messageSeq = 0
  device.lastSeenAt = Math.max(device.lastSeenAt ?? -Infinity, message.receivedAt)
  describe(device, message)
}

function describe(device: FoldedDevice, message: ProjectedMessage): void {
  if (message.seq < device.messageSeq) return
  device.messageSeq = message.seq
  device.topicId = message.topicId
  device.mapping = message.mapping
  device.offlineAfterSeconds = message.offlineAfterSeconds
}

function metricOf(folded: Folded, numbers: Map<string, number>, device: number, name: string): number {
  const known = numbers.get(name)
  if (known !== undefined) return known
  const number = folded.metrics.push({ device, name }) - 1
  numbers.set(name, number)
  return number
}

/** The order that decides what is latest, whatever the order of writing: historical ones are below all others. */
function isGreater(one: FoldedDatapoint, other: FoldedDatapoint): boolean {
  const [counts, otherCounts] = [one.value.role !== 'historical', other.value.role !== 'historical']
  if (counts !== otherCounts) return counts
  if (one.value.observedAt !== other.value.observedAt) return one.value.observedAt > other.value.observedAt
  if (one.seq !== other.seq) return one.seq > other.seq
  return one.n > other.n
}

/** True where a datapoint is the one that its metric may show. */
export const greatestOf = (folded: Folded): boolean[] => {
  const flags = folded.datapoints.map(() => false)
  for (const index of folded.greatest) flags[index] = true
  return flags
}
