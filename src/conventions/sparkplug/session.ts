/** What every message of a node means to its session: the order, and whether births are to be asked for again. Pure. */

import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import type { DecoderMessage } from '../../normalize/decoder.ts'
import type { Facts } from '../facts.ts'
import { toMillis } from './node.ts'
import type { NodeState } from './node.ts'
import type { Payload } from './payload.ts'
import { ask, mayAsk, rebirthKey, rebirthPayload } from './rebirth.ts'
import { collect, follow, noOrder } from './sequence.ts'
import type { Early } from './sequence.ts'

export interface Rules {
  /** Whether births are asked for. */
  rebirth: boolean
  /** How long a message that is missing may take. */
  reorderMs: Millis
}

/** The device in Rialto that is the node. */
export const nodeName = ({ captures }: DecoderMessage): string => `${captures['group']}/${captures['node']}`

export const deviceName = (message: DecoderMessage, device = message.captures['device']): string =>
  `${nodeName(message)}/${device}`

/** Some nodes forget to begin at 0 again after 255. */
export const seqOf = ({ seq }: Payload): number | null =>
  seq === undefined ? null : Number(BigInt(seq) % 256n)

/** Where a message stands; null: it does not say. */
export function placeOf(payload: Payload): Early | null {
  const seq = seqOf(payload)
  return seq === null ? null : { seq, sent: toMillis(payload.timestamp) }
}

/** Follows the order; `facts` ask for births when what is missing does not come in time. */
export function step(
  node: NodeState,
  come: Early | null,
  message: DecoderMessage,
  facts: Facts,
  { rebirth, reorderMs }: Rules
): NodeState {
  if (come === null) return node
  const at = message.receivedAt
  if (!node.alive) return { ...node, order: collect(node.order, come, at, reorderMs) }
  const { order, opened, filled, lost, doubtful } = follow(node.order, come, at, reorderMs)
  if (!rebirth) return { ...node, order }
  const { since } = node.order
  const asked = lost && mayAsk(node.asked, since, true) ? ask(node.asked, since + reorderMs) : node.asked
  if (doubtful) return { ...node, alive: false, order: collect(noOrder, come, at, reorderMs), asked }
  if (opened && mayAsk(asked, at, true)) askAfter(reorderMs, message, facts)
  // [tck-id-operational-behavior-host-reordering-success]
  if (filled && (asked === null || asked.answered)) facts.effect({ cancel: rebirthKey(nodeName(message)) })
  return { ...node, order, asked }
}

/** `unknown`: the message has what no birth told of. */
export function wantBirths(
  node: NodeState,
  unknown: boolean,
  message: DecoderMessage,
  facts: Facts,
  { rebirth }: Rules
): NodeState {
  const { alive, asked } = node
  const owed = asked !== null && !asked.answered
  if (!rebirth || (alive && !unknown && !owed) || !mayAsk(asked, message.receivedAt, !alive)) return node
  const { rebirthDelayMs } = defaultLimits
  askAfter(rebirthDelayMs, message, facts)
  return { ...node, asked: ask(asked, message.receivedAt + rebirthDelayMs) }
}

/** QoS 0 [tck-id-payloads-ncmd-qos]; effects are never retained. */
function askAfter(afterMs: Millis, message: DecoderMessage, facts: Facts): void {
  const { group, node } = message.captures
  facts.effect({
    topic: `spBv1.0/${group}/NCMD/${node}`,
    payload: rebirthPayload(message.receivedAt + afterMs),
    qos: 0,
    afterMs,
    key: rebirthKey(nodeName(message))
  })
}
