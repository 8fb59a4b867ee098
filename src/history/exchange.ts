/** The files of exports and imports: their formats, and the columns of CSV. Pure. */

import type { DatapointView } from '../device-views.ts'
import type { MessageView } from '../views.ts'

/** NDJSON has one object a line; CSV is as RFC 4180 says, in UTF-8 without a byte order mark, with a row of names. */
export const exchangeFormats = {
  ndjson: { mediaType: 'application/x-ndjson', extension: 'ndjson' },
  csv: { mediaType: 'text/csv', extension: 'csv' }
} as const
export type ExchangeFormat = keyof typeof exchangeFormats

/**
 * `value` is exact: digits of numbers, `true` or `false`, text, the text of JSON, base64 of bytes; `type` tells which, so
 * that an empty text is not a null. `unit` and `quality` are empty for null: neither is ever an empty text.
 */
export const datapointColumns = [
  'device',
  'metric',
  'observedAt',
  'receivedAt',
  'type',
  'value',
  'unit',
  'quality',
  'role',
  'clock',
  'topic',
  'seq',
  'n',
  'cursor'
] as const
export type DatapointColumn = (typeof datapointColumns)[number]

/** A payload is in `payloadText` where it is UTF-8, and else in `payloadBase64`; `properties` is JSON, empty for none. */
export const messageColumns = [
  'topic',
  'receivedAt',
  'qos',
  'retain',
  'dup',
  'format',
  'payloadText',
  'payloadBase64',
  'properties',
  'seq',
  'cursor'
] as const
export type MessageColumn = (typeof messageColumns)[number]

/** Cells in the order of the columns; null is an empty one. */
export type Cells = Array<string | null>

/**
 * A line of NDJSON is the view with `cursor`, where it has one. It stands in the last row of each message: who keeps rows
 * up to one that has a cursor, and goes on behind it, loses nothing and gets nothing twice.
 */
export type ExchangeLine<View> = View & { cursor?: string }

export const toLine = <View extends object>(view: View, cursor: string | null): ExchangeLine<View> =>
  cursor === null ? view : { ...view, cursor }

export const toDatapointCells = (view: DatapointView, cursor: string | null): Cells => [
  view.device,
  view.metric,
  view.observedAt,
  view.receivedAt,
  view.type,
  view.valueText ?? view.valueBase64,
  view.unit,
  view.quality,
  view.role,
  view.clock,
  view.topic,
  view.seq,
  String(view.n),
  cursor
]

export const toMessageCells = (view: MessageView, cursor: string | null): Cells => [
  view.topic,
  view.receivedAt,
  String(view.qos),
  view.retain === null ? null : String(view.retain),
  String(view.dup),
  view.format,
  view.payloadText,
  view.payloadText === null ? view.payloadBase64 : null,
  view.properties === null ? null : JSON.stringify(view.properties),
  view.seq,
  cursor
]
