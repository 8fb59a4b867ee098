/** Births and deaths of nodes and their devices. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts } from '../facts.ts'
import { deviceOf, makeTable, nodeOf, toMillis, unborn, withDevice } from './node.ts'
import type { DeviceState, NodeState } from './node.ts'
import type { Payload } from './payload.ts'
import { readPayload } from './read-payload.ts'
import { rebirthKey } from './rebirth.ts'
import type { Asked } from './rebirth.ts'
import { begin, earlyOf, isOvertaken, noOrder } from './sequence.ts'
import { deviceName, nodeName, placeOf, seqOf, step, wantBirths } from './session.ts'
import type { Rules } from './session.ts'
import { tellMetrics } from './tell.ts'

type Decode = (state: DecoderState | null, message: DecoderMessage) => DecoderResult

/** A birth that a broker keeps says what a node has, and not that it is there. */
export const isKept = ({ topic, kind }: DecoderMessage): boolean =>
  kind !== 'message' || topic.startsWith('$sparkplug/')

/** In digits; null: there is none, or none that can be read. Tahu's are Int64 here and UInt64 there. */
function bdSeqOf({ metrics }: Payload): string | null {
  const metric = metrics.find(({ name }) => name === 'bdSeq')
  const value = metric?.longValue ?? metric?.intValue
  return value === undefined ? null : value.toString()
}

export const nodeBirth =
  (rules: Rules): Decode =>
  (state, message) => {
    const facts = new Facts()
    if (message.kind === 'cleared') return facts.result()
    const payload = readPayload(message.payload, facts)
    if (payload === undefined) return facts.result()
    const before = nodeOf(state)
    const node = nodeName(message)
    const born = toMillis(payload.timestamp)
    if (isKept(message) && before.alive && (born === null || born <= (before.born ?? Infinity)))
      return facts.result()
    const bare: NodeState = { ...before, alive: true, born, bdSeq: bdSeqOf(payload), table: null }
    const next = isKept(message)
      ? { ...bare, order: { ...noOrder, at: message.receivedAt }, asked: answered(before.asked) }
      : present(bare, payload, message, facts, rules)
    const table = makeTable(payload.metrics, next, node)
    tellMetrics(facts, node, payload, table, true)
    return facts.result({ ...next, table })
  }

/** It is there now, and its devices are not, until their births [tck-id-payloads-dbirth-order]. */
function present(
  before: NodeState,
  payload: Payload,
  message: DecoderMessage,
  facts: Facts,
  { reorderMs }: Rules
): NodeState {
  const { receivedAt } = message
  const node = nodeName(message)
  const place = placeOf(payload)
  const early = place === null ? [] : earlyOf(before.order, place, receivedAt, reorderMs)
  const devices = Object.entries(before.devices)
  const stays = (device: DeviceState): boolean => early.some(({ seq }) => seq === device.seq)
  facts.presence(node, 'online', 'birth')
  for (const [name, device] of devices)
    if (device.alive && !stays(device)) facts.presence(deviceName(message, name), 'offline', 'birth')
  // Unless what came before its birth is to be told again
  if (early.length === 0 && isAsking(before)) facts.effect({ cancel: rebirthKey(node) })
  return {
    ...before,
    order: place === null ? { ...noOrder, at: receivedAt } : begin(place.seq, early, receivedAt),
    devices: Object.fromEntries(devices.filter(([, device]) => stays(device))),
    asked: answered(before.asked)
  }
}

const isAsking = ({ order, asked }: NodeState): boolean =>
  order.early.length > 0 || (asked !== null && !asked.answered)

const answered = (asked: Asked | null): Asked | null =>
  asked === null || asked.answered ? asked : { ...asked, answered: true }

export const nodeDeath = (): Decode => (state, message) => {
  const facts = new Facts()
  if (message.kind !== 'message') return facts.result()
  const payload = readPayload(message.payload, facts)
  if (payload === undefined) return facts.result()
  const before = nodeOf(state)
  const bdSeq = bdSeqOf(payload)
  // The will of a connection before the one whose birth came last [tck-id-payloads-ndeath-bdseq]
  if (before.bdSeq !== null && bdSeq !== null && bdSeq !== before.bdSeq) return facts.result()
  const node = nodeName(message)
  facts.presence(node, 'offline', 'death')
  if (state === null) return facts.result()
  const devices = Object.entries(before.devices)
  for (const [device, { alive }] of devices)
    if (alive) facts.presence(deviceName(message, device), 'offline', 'death')
  if (isAsking(before)) facts.effect({ cancel: rebirthKey(node) })
  return facts.result({
    ...before,
    alive: false,
    order: noOrder,
    asked: answered(before.asked),
    devices: Object.fromEntries(devices.map(([name, device]) => [name, { ...device, alive: false }]))
  })
}

export const deviceBirth =
  (rules: Rules): Decode =>
  (state, message) => {
    const facts = new Facts()
    if (message.kind === 'cleared') return facts.result()
    const payload = readPayload(message.payload, facts)
    if (payload === undefined) return facts.result()
    const name = message.captures['device']!
    const device = deviceName(message)
    const before = nodeOf(state)
    const known = deviceOf(before, name)
    const born = toMillis(payload.timestamp)
    const kept = isKept(message)
    if (kept && known?.alive === true && (born === null || born <= (known.born ?? Infinity)))
      return facts.result()
    const seq = seqOf(payload)
    const overtaken = !kept && isOvertaken(before.order, seq, known?.seq ?? null)
    const next = kept ? before : step(before, placeOf(payload), message, facts, rules)
    if (overtaken) {
      tellMetrics(facts, device, payload, null, false)
      return facts.result(wantBirths(next, false, message, facts, rules))
    }
    if (!kept) facts.presence(device, 'online', 'birth')
    const bare = withDevice(next, name, { alive: true, born, table: null, seq: kept ? null : seq })
    const table = makeTable(payload.metrics, bare, device)
    tellMetrics(facts, device, payload, table, true)
    const after = withDevice(bare, name, { alive: true, born, table, seq: kept ? null : seq })
    return facts.result(kept ? after : wantBirths(after, false, message, facts, rules))
  }

export const deviceDeath =
  (rules: Rules): Decode =>
  (state, message) => {
    const facts = new Facts()
    if (message.kind !== 'message') return facts.result()
    const payload = readPayload(message.payload, facts)
    if (payload === undefined) return facts.result()
    const name = message.captures['device']!
    const before = nodeOf(state)
    const known = deviceOf(before, name)
    const seq = seqOf(payload)
    const overtaken = isOvertaken(before.order, seq, known?.seq ?? null)
    const next = step(before, placeOf(payload), message, facts, rules)
    if (!overtaken) facts.presence(deviceName(message), 'offline', 'death')
    const { born, table } = known ?? unborn
    // Also where it is not known: its birth may be on the way still
    const after = overtaken ? next : withDevice(next, name, { alive: false, born, table, seq })
    return facts.result(wantBirths(after, false, message, facts, rules))
  }
