/** Sends one request of a webhook, and tells what became of it. Follows nothing, believes nothing, and is over in time. */

import type { IncomingMessage } from 'node:http'
import { lookup } from 'node:dns'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Resolve } from './addresses.ts'
import { RefusedUrlError, addressOf, isPublic, notPublic, publicLookup } from './addresses.ts'
import type { SignedHeaders } from './signature.ts'

export interface Outgoing {
  url: string
  headers: SignedHeaders
  body: Buffer
}

export interface Sent {
  /** The receiver took it: a status of 200 to 299. */
  delivered: boolean
  /** null: there was no answer. */
  status: number | null
  /** Why it was not taken, in words of ours: nothing of the URL, of the secret or of the answer's body is in it. */
  error: string | null
  /** How long the receiver asks to wait; null: it does not ask. */
  retryAfterMs: Millis | null
}

/** Never rejects, but with the signal's reason when that aborts. */
export type Send = (outgoing: Outgoing, signal: AbortSignal) => Promise<Sent>

type SendLimits = Pick<Limits, 'webhookAnswerMsMax' | 'webhookAnswerBytesMax' | 'webhookErrorCharsMax'>

export function createSend(parts: {
  /** Whether private addresses, and http, are allowed. */
  allowPrivate: boolean
  limits: SendLimits
  resolve?: Resolve
  version: string
}): Send {
  const { allowPrivate, limits } = parts
  const resolve: Resolve = parts.resolve ?? lookup
  const checked = allowPrivate ? null : publicLookup(resolve)

  return async ({ url, headers, body }, outer) => {
    outer.throwIfAborted()
    const late = AbortSignal.timeout(limits.webhookAnswerMsMax)
    const signal = AbortSignal.any([outer, late])
    try {
      const target = new URL(url)
      const address = addressOf(target)
      // `connect` asks nobody for an address that is one
      if (!allowPrivate && address !== null && !isPublic(address)) throw notPublic()
      if (!allowPrivate && target.protocol !== 'https:') throw new RefusedUrlError('only https is allowed')
      const response = await exchange(target, signal)
      await drain(response, limits.webhookAnswerBytesMax, signal)
      return toSent(response)
    } catch (error) {
      outer.throwIfAborted()
      const text = late.aborted
        ? `no answer within ${limits.webhookAnswerMsMax / 1_000} seconds`
        : errorText(error)
      return {
        delivered: false,
        status: null,
        error: text.slice(0, limits.webhookErrorCharsMax),
        retryAfterMs: null
      }
    }

    function exchange(target: URL, aborts: AbortSignal): Promise<IncomingMessage> {
      const request = target.protocol === 'https:' ? requestHttps : requestHttp
      return new Promise((resolved, reject) => {
        const out = request(target, {
          method: 'POST',
          // A connection of its own, whose address was looked at for it
          agent: false,
          signal: aborts,
          ...(checked !== null && { lookup: checked }),
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': body.length,
            'user-agent': `Rialto/${parts.version}`,
            connection: 'close'
          }
        })
        out.once('response', resolved)
        // Also behind the answer: a connection that breaks then has no other listener
        out.on('error', reject)
        out.end(body)
      })
    }
  }
}

/** Lets the receiver finish what it writes, within bounds. What it writes does not matter, and neither does how it ends. */
async function drain(response: IncomingMessage, bytesMax: number, signal: AbortSignal): Promise<void> {
  let bytes = 0
  await new Promise<void>((resolve) => {
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > bytesMax) response.destroy()
    })
    response.once('error', () => resolve())
    response.once('close', () => resolve())
    if (signal.aborted) response.destroy()
  })
}

function toSent(response: IncomingMessage): Sent {
  const status = response.statusCode!
  const delivered = status >= 200 && status <= 299
  const isRedirect = status >= 300 && status <= 399
  return {
    delivered,
    status,
    error: delivered ? null : `status ${status}${isRedirect ? ', and redirects are not followed' : ''}`,
    retryAfterMs: delivered ? null : readRetryAfter(response.headers['retry-after'])
  }
}

/** RFC 9110 section 10.2.3, of which only seconds are read. */
const readRetryAfter = (value: string | undefined): Millis | null =>
  value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) * 1_000 : null

const known: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection ended before the answer',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name could not be resolved',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'its address cannot be reached',
  ENETUNREACH: 'its address cannot be reached'
}

/** Only what is known by its code is told: messages of others may quote the URL, or what came. */
function errorText(error: unknown): string {
  if (error instanceof RefusedUrlError) return error.message
  const { code, errors } = error as { code?: unknown; errors?: unknown[] }
  // Several addresses were tried
  if (Array.isArray(errors) && errors.length > 0) return errorText(errors[0])
  if (typeof code !== 'string') return 'the request failed'
  return known[code] === undefined ? `the request failed (${code})` : `${known[code]} (${code})`
}
