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
    const device = message.captures['device']
    const born = device === undefined ? before : deviceOf(before, device)
    // Aliases of a session that has ended may be those of other metrics by now
    const table = before.alive && born?.alive === true ? born.table : null
    const name = device === undefined ? nodeName(message) : deviceName(message)
    const unknown = tellMetrics(facts, name, payload, table)
    if (message.kind !== 'message') return facts.result()
    const next = step(before, placeOf(payload), message, facts, rules)
    return facts.result(wantBirths(next, unknown, message, facts, rules))
  }
