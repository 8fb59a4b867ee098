/** What clients do with exports: read rows of a file, also of one that was cut off, and go on from the last cursor. */

import assert from 'node:assert/strict'
import { parse } from 'csv-parse/sync'
import type { ExchangeFormat } from '../../src/history/exchange.ts'

/** Names to what is written, with empty cells as null. */
export type Row = Record<string, unknown>

export interface File {
  status: number
  headers: Headers
  bytes: Buffer
}

export async function fetchFile(url: string): Promise<File> {
  const response = await fetch(url)
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer())
  }
}

/** Throws where a row is not whole. */
export function rowsOf(bytes: Buffer, format: ExchangeFormat): Row[] {
  const text = bytes.toString('utf8')
  if (format === 'csv') {
    if (text !== '') assert.ok(text.endsWith('\r\n'), 'the last row has an end')
    return parse(text, {
      columns: true,
      record_delimiter: '\r\n',
      cast: (cell, { quoting }) => (cell === '' && !quoting ? null : cell)
    })
  }
  if (text !== '') assert.ok(text.endsWith('\n'), 'the last line has an end')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Row)
}

/**
 * As much of a file as is kept when it was cut off: rows that are whole, up to the last that has a cursor, and that cursor;
 * null where there is none. Knows only what the documentation says. `known`: cursors by length, of files that begin alike.
 */
export function keptOf(
  bytes: Buffer,
  format: ExchangeFormat,
  known = new Map<number, unknown>()
): { bytes: Buffer; cursor: string } | null {
  for (const end of endsOf(bytes, format)) {
    const kept = bytes.subarray(0, end)
    if (!known.has(end)) known.set(end, rowsOf(kept, format).at(-1)?.['cursor'])
    const cursor = known.get(end)
    if (typeof cursor === 'string') return { bytes: kept, cursor }
  }
  return null
}

/** Where rows end, the last first. Line ends within quotes of CSV are none. */
function endsOf(bytes: Buffer, format: ExchangeFormat): number[] {
  const ends: number[] = []
  let quotes = 0
  for (let from = 0, at = bytes.indexOf('\n'); at !== -1; from = at + 1, at = bytes.indexOf('\n', from)) {
    for (
      let quote = bytes.indexOf('"', from);
      quote !== -1 && quote < at;
      quote = bytes.indexOf('"', quote + 1)
    )
      quotes++
    if (format === 'ndjson' || quotes % 2 === 0) ends.unshift(at + 1)
  }
  return ends
}
