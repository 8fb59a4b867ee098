/** Sends an export at the pace of its reader: whole, or visibly not. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { checkNotOver, withEnd } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import type { Cursors } from '../cursor.ts'
import type { ExchangeFormat } from '../history/exchange.ts'
import { exchangeFormats } from '../history/exchange.ts'
import type { Seq } from '../model.ts'
import type { Export } from '../store/export.ts'
import type { Written } from './export-rows.ts'
import { createRowWriter } from './export-rows.ts'
import type { Surface } from './parts.ts'
import { createPacedWriter, StalledError } from './paced-writer.ts'
import { goneSignal } from './reads.ts'
import { hijackWithHeaders } from './security-headers.ts'

export interface ExportAnswer<Item, View extends object> {
  /** What the file is called. */
  name: string
  format: ExchangeFormat
  header: boolean
  written: Written<Item, View>
  /** Not given: positions are those of the journal. */
  cursors?: Pick<Cursors, 'encode'>
  open(signal: AbortSignal): Promise<Export<Item>>
}

/**
 * Answers requests for exports. What goes wrong before the first byte is a problem. Afterwards the connection is cut, so
 * that nobody takes a part for the whole: its end is missing in the chunks (RFC 9112 section 8). So it is, at once, when who
 * asks is over.
 */
export function createExportOutput({ store, limits, stats, closing }: Surface) {
  return async <Item extends { seq: Seq }, View extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    { name, format, header, written, cursors = store.cursors, open }: ExportAnswer<Item, View>
  ): Promise<void> => {
    if (stats.exports >= limits.exportsMax)
      throw new Problem(
        'too_many_requests',
        `${limits.exportsMax} exports are being read, and no more are allowed at once`
      )
    const { access } = request
    const signal = withEnd(access, goneSignal(reply), closing)
    const cut = (): void => void reply.raw.destroy()
    const out = reply.raw
    let pages: AsyncGenerator<Item[], void> | null = null
    let isWhole = false
    stats.exports++
    try {
      const { until, pages: read } = await open(signal)
      pages = read()
      let page = await pages.next()
      checkNotOver(access)
      hijackWithHeaders(reply)
      // Whatever is waited for then
      access.ended?.addEventListener('abort', cut, { once: true })
      out.on('error', () => {}) // 'close' follows, and aborts the signal
      const { mediaType, extension } = exchangeFormats[format]
      out.writeHead(200, {
        'content-type': `${mediaType}; charset=utf-8${format === 'csv' ? `; header=${header ? 'present' : 'absent'}` : ''}`,
        'content-disposition': `attachment; filename="${name}-${until}.${extension}"`,
        'rialto-cursor': cursors.encode(until),
        'cache-control': 'no-store',
        'x-accel-buffering': 'no'
      })
      const rows = createRowWriter({ written, format, header, cursors, until, access })
      const write = createPacedWriter(out, limits, limits.exportStalledMsMax, signal)
      await write(rows.head())
      for (; page.done !== true; page = await pages.next()) {
        for (const text of rows.rows(page.value)) await write(text)
        signal.throwIfAborted()
      }
      await write(rows.end())
      isWhole = true
    } catch (error) {
      if (!reply.sent) throw error
      if (!(error instanceof StalledError) && !signal.aborted)
        request.log.warn({ err: error }, 'An export ended before its end; its client will resume')
    } finally {
      stats.exports--
      access.ended?.removeEventListener('abort', cut)
      void pages?.return()
      if (isWhole) out.end()
      else if (reply.sent) out.destroy()
    }
  }
}
