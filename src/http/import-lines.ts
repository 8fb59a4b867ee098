/**
 * The body of an import, a few lines at a time: as much as came at once, and no more is read before that is taken. So what
 * is in memory does not depend on how long the file is.
 */

import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { parse } from 'csv-parse'
import type { CsvError } from 'csv-parse'
import { Problem } from '../errors.ts'
import type { LineBounds, ReadDatapoint } from '../history/import-line.ts'
import { readCells, readHeader, readMembers } from '../history/import-line.ts'
import { LineFault } from '../history/import-value.ts'
import type { Limits } from '../limits.ts'

export interface SourceLine {
  /** What tells one line from another. */
  raw: Uint8Array | string
  /** Null: there is nothing in it. Throws LineFault. */
  read(): ReadDatapoint | null
}

type LineLimits = Pick<Limits, 'importLineBytesMax' | 'importStallMsMax'>

/**
 * Throws Problem `request_timeout` when nothing comes for too long, `malformed_request` when the rest never will, and the
 * reason of `ends` when that aborts.
 */
export async function* chunksOf(
  body: IncomingMessage,
  { importStallMsMax }: LineLimits,
  ends: AbortSignal
): AsyncGenerator<Buffer, void, undefined> {
  // Not destroyed with the iterator: who is refused is still answered
  const chunks = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>
  try {
    for (;;) {
      const { done, value } = await inTime(chunks.next(), importStallMsMax, ends)
      if (done === true) return
      yield value
    }
  } finally {
    // Without waiting: the next chunk may never come
    void chunks.return?.().catch(() => {})
  }
}

function inTime<T>(next: Promise<T>, msMax: number, ends: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const ending = (): void => reject(ends.reason as Error)
    if (ends.aborted) return ending()
    const stalled = (): void =>
      reject(timedOut(`Nothing came for ${msMax / 1_000} seconds; send the file again, to be gone on with`))
    const timer = setTimeout(stalled, msMax)
    ends.addEventListener('abort', ending, { once: true })
    next
      .then(resolve, (error: unknown) =>
        reject(new Problem('malformed_request', 'The body ended before its end', [], { cause: error }))
      )
      .finally(() => {
        clearTimeout(timer)
        ends.removeEventListener('abort', ending)
      })
  })
}

const timedOut = (detail: string): Problem => new Problem('request_timeout', detail)

/** Why an import ends that was neither whole nor wrong. */
export const serviceEnds = (): Problem =>
  timedOut('The service ends; send the file again, to be gone on with')

const byteOrderMark = Buffer.from('\ufeff')

/** The byte order mark that some programs begin a file with. */
async function* withoutMark(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let first: Buffer | null = Buffer.alloc(0)
  for await (const chunk of chunks) {
    if (first === null) {
      yield chunk
      continue
    }
    first = Buffer.concat([first, chunk])
    if (first.length < byteOrderMark.length) continue
    yield first.subarray(0, 3).equals(byteOrderMark) ? first.subarray(3) : first
    first = null
  }
  if (first !== null && first.length > 0) yield first
}

const tooLong = (bytesMax: number): LineFault => new LineFault('', `has more than ${bytesMax} bytes`)

const faulty = (fault: LineFault): SourceLine => ({
  raw: '',
  read() {
    throw fault
  }
})

/** Lines end with LF or CRLF; the last one need not. */
export async function* linesOfNdjson(
  chunks: AsyncIterable<Buffer>,
  { importLineBytesMax }: LineLimits,
  bounds: () => LineBounds
): AsyncGenerator<SourceLine[], void, undefined> {
  let begun: Buffer[] = []
  let begunBytes = 0
  const toLine = (last: Buffer): SourceLine => {
    const line = begun.length === 0 ? last : Buffer.concat([...begun, last])
    begun = []
    begunBytes = 0
    if (line.length > importLineBytesMax) return faulty(tooLong(importLineBytesMax))
    return { raw: line, read: () => readJsonLine(line, bounds()) }
  }
  for await (const chunk of withoutMark(chunks)) {
    const lines: SourceLine[] = []
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      lines.push(toLine(chunk.subarray(from, end)))
      from = end + 1
    }
    if (from < chunk.length) {
      begun.push(chunk.subarray(from))
      begunBytes += chunk.length - from
    }
    if (begunBytes > importLineBytesMax) lines.push(faulty(tooLong(importLineBytesMax)))
    yield lines
  }
  if (begunBytes > 0) yield [toLine(Buffer.alloc(0))]
}

function readJsonLine(line: Buffer, bounds: LineBounds): ReadDatapoint | null {
  if (!isUtf8(line)) throw new LineFault('', 'is not UTF-8')
  const text = line.toString('utf8')
  if (/^[ \t\r]*$/.test(text)) return null
  let members: unknown
  try {
    members = JSON.parse(text)
  } catch (error) {
    throw new LineFault('', `is not JSON: ${(error as Error).message}`)
  }
  return readMembers(members, bounds)
}

/** Records as RFC 4180 has them, behind one with the names of the columns. */
export async function* linesOfCsv(
  chunks: AsyncIterable<Buffer>,
  { importLineBytesMax }: LineLimits,
  bounds: () => LineBounds
): AsyncGenerator<SourceLine[], void, undefined> {
  let names: readonly string[] | null = null
  let lines: SourceLine[] = []
  const take = (bytes: readonly Buffer[]): void => {
    const cells = bytes.map((cell) => cell.toString('utf8'))
    const header = names
    if (header === null) names = readHeader(cells)
    else
      lines.push({
        raw: JSON.stringify(cells),
        read() {
          if (!bytes.every(isUtf8)) throw new LineFault('', 'is not UTF-8')
          return readCells(header, cells, bounds())
        }
      })
  }
  const parser = parse({
    encoding: null,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n'],
    max_record_size: importLineBytesMax,
    // Taken here, in their order with faults, instead of from a queue of the parser's
    on_record: (record) => {
      // With no encoding, cells are bytes, which the parser's types do not know
      take(record as unknown as Buffer[])
      return null
    },
    skip_records_with_error: true,
    on_skip: (error) => void lines.push(faulty(new LineFault('', toDetail(error, importLineBytesMax))))
  })
  const written = (write: (done: (error?: Error | null) => void) => void): Promise<void> =>
    new Promise((resolve, reject) => write((error) => (error ? reject(error) : resolve())))
  parser.on('error', () => {}) // told to whoever wrote
  try {
    for await (const chunk of withoutMark(chunks)) {
      await written((done) => parser.write(chunk, done))
      yield lines
      lines = []
    }
    await written((done) => parser.end(done))
    if (names === null) throw new LineFault('', 'There is no row with the names of the columns')
    yield lines
  } finally {
    parser.destroy()
  }
}

function toDetail(error: CsvError | undefined, bytesMax: number): string {
  switch (error?.code) {
    case 'CSV_MAX_RECORD_SIZE':
      return `has more than ${bytesMax} bytes`
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'begins a cell with a quote that never ends'
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'has something behind the quote that ends a cell; a quote within is written twice'
    case 'INVALID_OPENING_QUOTE':
      return 'has a quote in a cell that does not begin with one'
    default:
      return `is not CSV (RFC 4180): ${error?.message ?? 'it cannot be read'}`
  }
}
