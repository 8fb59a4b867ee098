/** Items of an export as text. Pure. */

import { stringify } from 'csv-stringify/sync'
import type { Cursors } from '../cursor.ts'
import type { Datapoint } from '../datapoints.ts'
import type { DatapointView } from '../device-views.ts'
import { toDatapointView } from '../device-views.ts'
import type { Cells, ExchangeFormat } from '../history/exchange.ts'
import {
  datapointColumns,
  messageColumns,
  toDatapointCells,
  toLine,
  toMessageCells
} from '../history/exchange.ts'
import type { Access, Message, Seq } from '../model.ts'
import type { MessageView } from '../views.ts'
import { toMessageView } from '../views.ts'

/** How items of one kind are written. */
export interface Written<Item, View extends object> {
  columns: readonly string[]
  toView(item: Item): View
  toCells(view: View, cursor: string | null): Cells
  /** Asked when it is made to text. */
  mayRead(access: Access, item: Item): boolean
}

export const writtenDatapoints: Written<Datapoint, DatapointView> = {
  columns: datapointColumns,
  toView: toDatapointView,
  toCells: toDatapointCells,
  mayRead: (access, { topic }) => access.mayRead(topic)
}

export const writtenMessages: Written<Message, MessageView> = {
  columns: messageColumns,
  toView: toMessageView,
  toCells: toMessageCells,
  mayRead: (access, { topic }) => access.mayRead(topic)
}

export interface RowWriter<Item> {
  /** What stands before the first row. */
  head(): string
  /** Of the next items, in parts. The last item waits until it is known what follows. */
  rows(items: readonly Item[]): Iterable<string>
  /** Nothing follows: the last row, with the cursor of the whole. */
  end(): string
}

/** As many are made to text at once. */
const rowsAtOnce = 100

/**
 * The last row of each message has the cursor behind it, and the last of all has that of `until`, which tells that nothing
 * is missing. Each row is asked for once more when it is made to text: what may be read may have changed since it was found.
 */
export function createRowWriter<Item extends { seq: Seq }, View extends object>(given: {
  written: Written<Item, View>
  format: ExchangeFormat
  /** CSV begins with the names of its columns. */
  header: boolean
  cursors: Pick<Cursors, 'encode'>
  until: Seq
  access: Access
}): RowWriter<Item> {
  const { written, format, header, cursors, until, access } = given
  const { toView, toCells } = written
  let held: Item | null = null

  const toText = (found: ReadonlyArray<[Item, string | null]>): string => {
    const rows = found.filter(([item]) => written.mayRead(access, item))
    return format === 'csv'
      ? csv(rows.map(([item, cursor]) => toCells(toView(item), cursor)))
      : rows.map(([item, cursor]) => `${JSON.stringify(toLine(toView(item), cursor))}\n`).join('')
  }

  return {
    head: () => (format === 'csv' && header ? csv([[...written.columns]]) : ''),
    *rows(items) {
      let rows: Array<[Item, string | null]> = []
      for (const item of items) {
        if (held !== null) rows.push([held, item.seq === held.seq ? null : cursors.encode(held.seq)])
        held = item
        if (rows.length < rowsAtOnce) continue
        yield toText(rows)
        rows = []
      }
      if (rows.length > 0) yield toText(rows)
    },
    end: () => (held === null ? '' : toText([[held, cursors.encode(until)]]))
  }
}

/** RFC 4180. What looks like a formula stays as it is: a file says what was measured, and is read again. */
const csv = (rows: Cells[]): string =>
  stringify(rows, { record_delimiter: 'windows', quote_record_delimiter: true })
