/**
 * HTTPS: HTTP/1.1 over TLS 1.2 and later. No HTTP/2: streams, slow readers and clients that go away are dealt with by the
 * connection they have, and one connection for many of them would need all of that anew; a proxy before it may speak it.
 */

import type { RequestListener, Server, ServerOptions } from 'node:http'
import { createServer } from 'node:https'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { Limits } from '../limits.ts'
import type { ServedCertificate } from './certificate.ts'

/** With forward secrecy, and authenticated as they are encrypted (AEAD): of those of TLS 1.2, none with CBC or with a static key. */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305'
].join(':')

/** A year, in seconds, and this host alone: others of the domain are not ours to speak for (RFC 6797 section 6.1). */
const strictTransport = 'max-age=31536000'

/** Makes Fastify's server; a renewed certificate is shown to connections that begin from then on. */
export const createHttpsServer =
  (certificate: ServedCertificate, { tlsHandshakeMsMax }: Pick<Limits, 'tlsHandshakeMsMax'>) =>
  (handler: RequestListener, options: FastifyServerOptions & { http?: ServerOptions }): Server => {
    const agreed = { minVersion: 'TLSv1.2' as const, ciphers }
    const server = createServer(
      { ...options.http, ...agreed, ...certificate.pair(), handshakeTimeout: tlsHandshakeMsMax },
      handler
    )
    // As Fastify does for servers that it makes
    server.keepAliveTimeout = options.keepAliveTimeout ?? server.keepAliveTimeout
    server.requestTimeout = options.requestTimeout ?? server.requestTimeout
    server.setTimeout(options.connectionTimeout)
    certificate.onChange((pair) => server.setSecureContext({ ...agreed, ...pair }))
    // It has all that Fastify uses of one; only Node's types know no common one
    return server as unknown as Server
  }

/** Whoever came by https once does not go by http again (RFC 6797). */
export function sayStrictTransport(app: FastifyInstance): void {
  app.addHook(
    'onRequest',
    async (_, reply) => void reply.header('strict-transport-security', strictTransport)
  )
}
