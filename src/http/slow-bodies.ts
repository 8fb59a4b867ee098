/**
 * Bodies that come too slowly: what Node would watch for all requests alike, here for those that are not to be long. So a
 * file may come for hours, as long as it comes.
 */

import { Socket } from 'node:net'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import type { Limits } from '../limits.ts'
import { answerClientError } from './problems.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route watches over its body itself. */
    takesLongBodies?: boolean
  }
}

export function endSlowBodies(app: FastifyInstance, { requestMsMax }: Pick<Limits, 'requestMsMax'>): void {
  app.addHook('onRequest', async ({ raw, headers, routeOptions }, reply) => {
    const { takesLongBodies }: FastifyContextConfig = routeOptions.config ?? {}
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
    if (!hasBody || takesLongBodies === true || !(raw.socket instanceof Socket)) return
    const timer = setTimeout(() => {
      if (raw.complete) return
      // What was answered already is not answered again; its rest may be on the way
      if (reply.raw.headersSent) raw.socket.destroySoon()
      else answerClientError(tooSlow(), raw.socket)
    }, requestMsMax)
    raw.once('close', () => clearTimeout(timer))
  })
}

/** As Node tells of it. */
const tooSlow = (): NodeJS.ErrnoException =>
  Object.assign(new Error('The body did not come in time'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
