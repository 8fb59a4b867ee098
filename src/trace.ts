/** W3C trace context: which trace a request belongs to, and how a command carries it on. Pure. */

import type { MessageProperties } from './model.ts'

/** https://www.w3.org/TR/trace-context/ sections 3.2 and 3.3; both are valid. */
export interface TraceContext {
  /** Of version 00. */
  traceparent: string
  tracestate: string | null
}

/** Bytes that vendors are told to carry at least (section 3.3.1.5); what is longer is left out. */
const tracestateCharsMax = 512

const fields = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** What `traceparent` says as version 00, with the flags that it knows; null: nothing that counts, as if it were not there. */
export function readTraceparent(given: unknown): string | null {
  const [, version, traceId, parentId, flags, more] =
    fields.exec(typeof given === 'string' ? given : '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return null
  if (/^0+$/.test(traceId!) || /^0+$/.test(parentId!)) return null
  // Sampled, and random (level 2 of the recommendation)
  const known = (Number.parseInt(flags!, 16) & 0b11).toString(16).padStart(2, '0')
  return `00-${traceId}-${parentId}-${known}`
}

/** Of the headers of a request, or of whatever has members of the same names; null: it belongs to no trace that is known. */
export function readTrace(from: Readonly<Record<string, unknown>>): TraceContext | null {
  const traceparent = readTraceparent(from['traceparent'])
  return traceparent === null ? null : { traceparent, tracestate: readTracestate(from['tracestate']) }
}

/** Printable ASCII only: it is published, and some brokers end the connection on anything else. */
const readTracestate = (given: unknown): string | null =>
  typeof given === 'string' && given.length <= tracestateCharsMax && /^[\x20-\x7e]+$/.test(given)
    ? given
    : null

/**
 * As user properties of the message (https://w3c.github.io/trace-context-mqtt/). A client that has given them itself knows
 * better: its own are left as they are.
 */
export function withTrace(
  properties: MessageProperties | null,
  trace: TraceContext | null
): MessageProperties | null {
  if (trace === null || traceOf(properties) !== null) return properties
  const others = withoutTrace(properties)?.userProperties ?? []
  const { traceparent, tracestate } = trace
  return {
    ...properties,
    userProperties: [
      ...others,
      ['traceparent', traceparent],
      ...(tracestate === null ? [] : [['tracestate', tracestate] as [string, string]])
    ]
  }
}

/** The trace that a message belongs to, if it says so. Of several, the first one. */
export function traceOf(properties: MessageProperties | null): TraceContext | null {
  const given = properties?.userProperties
  if (given === undefined) return null
  const find = (name: string): string | undefined => given.find((pair) => pair[0] === name)?.[1]
  return readTrace({ traceparent: find('traceparent'), tracestate: find('tracestate') })
}

/** For a message that belongs to another trace. */
export function withoutTrace(properties: MessageProperties | null): MessageProperties | null {
  if (properties?.userProperties === undefined) return properties
  const userProperties = properties.userProperties.filter(
    ([name]) => name !== 'traceparent' && name !== 'tracestate'
  )
  const { userProperties: _, ...others } = properties
  return userProperties.length === 0 ? others : { ...others, userProperties }
}

/** A span of a request, where somebody collects them. */
export interface RequestSpan {
  /** Of what is a child of it. */
  trace: TraceContext
  end(route: string, status: number): void
}

export type TraceRequest = (method: string, from: TraceContext | null) => RequestSpan
