/** Lets messages through conventions, one after the other, and shows what becomes of them in short lines. */

import type { Outcome, SourceMessage } from '../../src/datapoints.ts'
import { compileText, createRunner, receivedAt, valueOf } from '../normalize/mappings.ts'
import type { CompileTextOptions } from '../normalize/mappings.ts'

export interface Said {
  /**
   * `device metric value`, then, where there is one: `[unit]`, `(time by the device's clock)`, `event` or `historical`,
   * `quality=`.
   */
  datapoints: string[]
  /** `device presence source`. */
  presence: string[]
  attributes: Outcome['attributes']
  /** Reasons; their details are in the outcome. */
  rejections: string[]
  responses: Outcome['responses']
  /** `topic payload`, payloads that are no UTF-8 in hex, or `cancel key`. */
  effects: string[]
  outcome: Outcome
}

export type Say = (
  topic: string,
  payload: string | Uint8Array | object,
  more?: Partial<SourceMessage>
) => Said

/** `document` is the text of rialto.yaml. All messages are received at 2026-11-24T12:00:00Z unless `more` says otherwise. */
export function normalizer(document: string, options: CompileTextOptions = {}): Say {
  const run = createRunner(compileText(document, options))
  return (topic, payload, more = {}) => {
    const bytes =
      payload instanceof Uint8Array
        ? payload
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
    return show(
      run({ seq: 1, kind: 'message', topic, payload: bytes, properties: null, receivedAt, ...more })
    )
  }
}

export const hex = (text: string): Buffer => Buffer.from(text, 'hex')

export function show(outcome: Outcome): Said {
  return {
    datapoints: outcome.datapoints.map((one) =>
      [
        one.device,
        one.metric,
        showValue(valueOf(one)),
        ...(one.unit === null ? [] : [`[${one.unit}]`]),
        ...(one.clock === 'device' ? [`(${new Date(one.observedAt).toISOString()})`] : []),
        ...(one.role === 'state' ? [] : [one.role]),
        ...(one.quality === null ? [] : [`quality=${one.quality}`])
      ].join(' ')
    ),
    presence: outcome.presence.map(({ device, presence, source }) => `${device} ${presence} ${source}`),
    attributes: outcome.attributes,
    rejections: outcome.rejections.map(({ reason }) => reason),
    responses: outcome.responses,
    effects: outcome.effects.map((effect) =>
      effect.kind === 'cancel' ? `cancel ${effect.key}` : `${effect.topic} ${showBytes(effect.payload)}`
    ),
    outcome
  }
}

function showValue(value: unknown): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return 'json' in value ? String(value.json) : `0x${(value as { bytes: string }).bytes}`
}

const showBytes = (payload: Uint8Array): string => {
  const text = Buffer.from(payload).toString('utf8')
  return Buffer.from(text).equals(Buffer.from(payload)) && !/[\u0000-\u001f]/.test(text)
    ? text
    : `0x${Buffer.from(payload).toString('hex')}`
}
