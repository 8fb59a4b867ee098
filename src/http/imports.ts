/** POST import/datapoints: a file of datapoints, of any length. GET imports: how far each has come. */

import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { overProblem } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import { exchangeFormats } from '../history/exchange.ts'
import type { ExchangeFormat } from '../history/exchange.ts'
import { importTopic } from '../history/import-line.ts'
import type { Limits } from '../limits.ts'
import { header, json, noQuery, refusalsOfV1 } from './answers.ts'
import { chunksOf, linesOfCsv, linesOfNdjson, serviceEnds } from './import-lines.ts'
import { boundsOf, runImport } from './import-run.ts'
import { importId, toImportView } from './import-schemas.ts'
import { pageQuery } from './paging.ts'
import type { RouteParts, Routes } from './parts.ts'
import { ref, strict } from './schemas.ts'
import { bodyIsReadByRoute } from './validation.ts'

const tags = ['Devices']
const mediaTypes = Object.values(exchangeFormats).map(({ mediaType }) => mediaType)

export async function importRoutes(app: Routes, parts: RouteParts): Promise<void> {
  const { store, limits, closing } = parts
  let atWork = 0
  // The body is read by the route, at the pace of what is committed
  app.removeAllContentTypeParsers()
  app.addContentTypeParser([...mediaTypes], async () => undefined)

  app.post(
    '/import/datapoints',
    {
      config: { takesLongBodies: true },
      handlerTimeout: limits.importMsMax,
      validatorCompiler: bodyIsReadByRoute,
      schema: {
        operationId: 'importDatapoints',
        summary: 'Brings datapoints with their original times',
        description:
          'A file as `GET /v1/export/datapoints` writes it, or by hand: `device`, `metric`, `observedAt` and `value` are ' +
          `needed; \`topic\` is \`${importTopic}\` if it is not given, \`role\` \`historical\`, \`receivedAt\` as \`observedAt\`. ` +
          '`seq`, `n` and `cursor` are passed over, and what is not known is refused. It is committed as it comes. If ' +
          'anything goes wrong, send the same file with the same `id` again: lines that are committed are passed over. ' +
          'The first line that is wrong ends it, with `lines` committed before it.',
        tags,
        querystring: strict({ id: importId }),
        consumes: [...mediaTypes],
        body: Type.Unsafe<undefined>({
          type: 'string',
          description: `Lines of at most ${limits.importLineBytesMax} bytes, as many as there are`
        }),
        response: {
          200: json('All of it is committed', ref('Imported'), header.rialtoCursor),
          ...refusalsOfV1(
            'forbidden',
            'idempotency_mismatch',
            'import_running',
            'unsupported_media_type',
            'request_timeout',
            'too_many_requests'
          )
        }
      }
    },
    async (request, reply) => {
      const { access, query } = request
      const format = formatOf(request)
      if (atWork >= limits.importsMax)
        throw new Problem(
          'too_many_requests',
          `${limits.importsMax} imports are at work; wait until one ends`
        )
      atWork++
      try {
        const begun = await store.imports.begin(access.principal, query.id, format, access.address)
        const renewing = setInterval(
          () => void store.imports.renew(begun).catch(() => {}), // what is appended tells, too
          limits.importLeaseMs / 4
        )
        const ends = new AbortController()
        const closed = (): void => ends.abort(serviceEnds())
        const over = (): void => ends.abort(overProblem())
        onAbort(closing, closed)
        onAbort(access.ended, over)
        let done = false
        try {
          const chunks = chunksOf(request.raw, limits, ends.signal)
          const linesOf = format === 'csv' ? linesOfCsv : linesOfNdjson
          const source = linesOf(chunks, limits, boundsOf(limits))
          await runImport({ imports: store.imports, limits }, access, begun, source)
          done = true
          const ended = await store.imports.end(begun, true)
          const seq = ended.lastSeq || (await store.journal.head()).seq
          const cursor = store.cursors.encode(seq)
          const { id, lines, datapoints } = ended
          void reply.header('rialto-cursor', cursor)
          return { id, lines, datapoints, skippedLines: begun.lines, cursor }
        } finally {
          clearInterval(renewing)
          closing.removeEventListener('abort', closed)
          access.ended?.removeEventListener('abort', over)
          if (!done) await store.imports.end(begun, false).catch(() => {}) // ends by itself, soon
        }
      } catch (error) {
        letGo(request.raw, limits)
        throw error
      } finally {
        atWork--
      }
    }
  )

  app.get(
    '/imports',
    {
      schema: {
        operationId: 'listImports',
        summary: 'Imports, and how much of each is committed',
        description: 'Of whoever asks. Newest first.',
        tags,
        querystring: strict({ limit: pageQuery(limits, 'desc').limit }),
        response: { 200: json('The imports', ref('ImportList')), ...refusalsOfV1('page_too_large') }
      }
    },
    async ({ access, query: { limit = limits.pageItemsDefault } }) => ({
      items: (await store.imports.list(access.principal, limit)).map((one) =>
        toImportView(one, store.cursors)
      )
    })
  )

  app.get(
    '/imports/:id',
    {
      schema: {
        operationId: 'getImport',
        summary: 'An import, and how much of it is committed',
        description: 'As it is now.',
        tags,
        params: Type.Object({ id: importId }),
        querystring: noQuery,
        response: { 200: json('The import', ref('Import')), ...refusalsOfV1('not_found') }
      }
    },
    async ({ access, params: { id } }) => {
      const found = await store.imports.byId(access.principal, id)
      if (found === null) throw new Problem('not_found', 'There is no import of that name')
      return toImportView(found, store.cursors)
    }
  )
}

/** Throws Problem unsupported_media_type. */
function formatOf({ headers }: FastifyRequest): ExchangeFormat {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';')
  const format = (Object.keys(exchangeFormats) as ExchangeFormat[]).find(
    (one) => exchangeFormats[one].mediaType === type.trim()
  )
  const charset = parameters.map((one) => /^\s*charset="?([^"\s]+)"?\s*$/.exec(one)?.[1]).find(Boolean)
  const encoding = headers['content-encoding'] ?? 'identity'
  if (format === undefined || (charset ?? 'utf-8') !== 'utf-8' || encoding !== 'identity')
    throw new Problem(
      'unsupported_media_type',
      `Send ${mediaTypes.join(' or ')}, in UTF-8 and without Content-Encoding`
    )
  return format
}

function onAbort(signal: AbortSignal | undefined, run: () => void): void {
  if (signal?.aborted === true) run()
  else signal?.addEventListener('abort', run, { once: true })
}

/** The answer is on its way, and a client that is still sending may read it only when it has sent all, or some more. */
function letGo(body: IncomingMessage, { importRefusedMsMax }: Pick<Limits, 'importRefusedMsMax'>): void {
  if (body.complete && body.readableEnded) return
  const timer = setTimeout(() => body.socket.destroy(), importRefusedMsMax)
  body.once('close', () => clearTimeout(timer))
  body.on('error', () => {}) // 'close' follows
  body.resume()
}
