/** Examples of exports for openapi.yaml: one row of each format, made by the code that makes the answers. */

import type { ExchangeFormat } from '../history/exchange.ts'
import { exampleDatapoint } from './device-examples.ts'
import { exampleCursor, exampleMessage } from './examples.ts'
import type { Written } from './export-rows.ts'
import { createRowWriter, writtenDatapoints, writtenMessages } from './export-rows.ts'

function exampleOf<Item extends { seq: number; topic: string }, View extends object>(
  item: Item,
  written: Written<Item, View>
): Record<ExchangeFormat, string> {
  const textOf = (format: ExchangeFormat): string => {
    const cursors = { encode: () => exampleCursor }
    const access = { principal: 'example', mayRead: () => true, mayPublish: () => false }
    const rows = createRowWriter({ written, format, header: true, cursors, until: item.seq, access })
    return [rows.head(), ...rows.rows([item]), rows.end()].join('')
  }
  return { ndjson: textOf('ndjson'), csv: textOf('csv') }
}

export const exportExamples = {
  datapoints: exampleOf(exampleDatapoint, writtenDatapoints),
  messages: exampleOf(exampleMessage, writtenMessages)
}
