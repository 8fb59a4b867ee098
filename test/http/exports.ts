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
 * null where there is none. Knows only what the documentation says. CSV with the names of its columns.
 */
export function keptOf(bytes: Buffer, format: ExchangeFormat): { bytes: Buffer; cursor: string } | null {
  const ends = endsOf(bytes, format)
  const firstRow = format === 'csv' ? 1 : 0
  const names = format === 'csv' ? bytes.subarray(0, ends[0] ?? 0) : Buffer.alloc(0)
  for (let at = ends.length - 1; at >= firstRow; at--) {
    const row = bytes.subarray(ends[at - 1] ?? 0, ends[at])
    const cursor = rowsOf(Buffer.concat([names, row]), format)[0]!['cursor']
    if (typeof cursor === 'string') return { bytes: bytes.subarray(0, ends[at]), cursor }
  }
  return null
}

/** Where rows end, in order. Line ends within quotes of CSV are none. */
function endsOf(bytes: Buffer, format: ExchangeFormat): number[] {
  const ends: number[] = []
  let quotes = 0
  for (let from = 0, at = bytes.indexOf('\n'); at !== -1; from = at + 1, at = bytes.indexOf('\n', from)) {
    const line = bytes.subarray(from, at)
    for (let quote = line.indexOf('"'); quote !== -1; quote = line.indexOf('"', quote + 1)) quotes++
    if (format === 'ndjson' || quotes % 2 === 0) ends.push(at + 1)
  }
  return ends
}
