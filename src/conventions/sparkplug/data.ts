/** What nodes and their devices tell between births. Pure. */

import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import type { DecoderState } from '../../normalize/mapping-set.ts'
import { Facts } from '../facts.ts'
import { deviceOf, nodeOf } from './node.ts'
import { readPayload } from './read-payload.ts'
import { deviceName, nodeName, placeOf, step, wantBirths } from './session.ts'
import type { Rules } from './session.ts'
import { tellMetrics } from './tell.ts'

/** NDATA and DDATA. */
export const data =
  (rules: Rules) =>
  (state: DecoderState | null, message: DecoderMessage): DecoderResult => {
    const facts = new Facts()
    if (message.kind === 'cleared') return facts.result()
    const payload = readPayload(message.payload, facts)
    if (payload === undefined) return facts.result()
    const before = nodeOf(state)
    const live = message.kind === 'message'
    const node = live ? step(before, placeOf(payload), message, facts, rules) : before
    const device = message.captures['device']
    const born = device === undefined ? node : deviceOf(node, device)
    // In the next session, an alias may be that of another metric; a name is the same one
    const aliases = node.alive && born?.alive === true
    const name = device === undefined ? nodeName(message) : deviceName(message)
    const unknown = tellMetrics(facts, name, payload, born?.table ?? null, aliases)
    return facts.result(live ? wantBirths(node, unknown || !aliases, message, facts, rules) : undefined)
  }
