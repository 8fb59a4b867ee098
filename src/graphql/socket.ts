/** GraphQL over WebSocket by the graphql-transport-ws protocol; graphql-ws speaks it, this gives it sockets. */

import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify'
import type { GraphQLError, GraphQLFormattedError } from 'graphql'
import type { Context as Connection } from 'graphql-ws'
import { CloseCode, handleProtocols, makeServer, MessageType } from 'graphql-ws'
import type { WebSocket } from 'ws'
import { overProblem } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Preparation } from './documents.ts'
import { toClientError, toRequestError } from './errors.ts'
import type { DocumentAsk } from './sources.ts'
import type { KeepAlive } from './keep-alive.ts'
import { keepAlive } from './keep-alive.ts'
import type { SocketAccess } from './socket-access.ts'
import { createSocketAccess } from './socket-access.ts'
import { readTrace } from '../trace.ts'
import type { Surface } from './surface.ts'

/** What is known of a connection, as long as it lives. */
interface Extra {
  request: FastifyRequest
  socket: WebSocket
  access: SocketAccess
  gone: AbortController
  /** Ids of mutations that run. */
  mutations: Set<string>
  /** Who asked is over: nothing is heard or said any more. */
  over: boolean
}

export const socketOptions = (limits: Limits) => ({
  maxPayload: limits.socketMessageBytesMax,
  handleProtocols,
  closeTimeout: limits.socketCloseMsMax
})

/** Tells clients to come back elsewhere or later, when the service stops (RFC 6455 section 7.4.1). */
export function closeSockets(this: FastifyInstance, done: () => void): void {
  for (const socket of this.websocketServer.clients) socket.close(1001, 'The service is stopping')
  this.websocketServer.close()
  done()
}

/** The socket closes by itself: what clients do wrong on the wire is not our error. */
export function logSocketError(error: Error, _socket: WebSocket, request: FastifyRequest): void {
  request.log.debug({ err: error }, 'A WebSocket failed')
}

export function createSocketHandler(surface: Surface, log: FastifyBaseLogger) {
  const { limits, authenticator } = surface
  const protocol = createProtocol(surface, log)
  return function handle(this: FastifyInstance, socket: WebSocket, request: FastifyRequest): void {
    if (this.websocketServer.clients.size > limits.streamsMax)
      return socket.close(1013, 'Too many connections')
    const extra: Extra = {
      request,
      socket,
      access: createSocketAccess({ authenticator, limits, address: request.ip, log }),
      gone: new AbortController(),
      mutations: new Set(),
      over: false
    }
    const alive = keepAlive(socket, limits)
    const closed = open(protocol, socket, extra, alive, limits)
    // Of the library's own, what it takes to know who asks would not count
    const late = setTimeout(() => {
      if (extra.access.current() === null)
        socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
    }, limits.socketInitMsMax)
    socket.once('close', (code, reason) => {
      clearTimeout(late)
      alive.stop()
      extra.access.close()
      extra.gone.abort()
      closed(code, String(reason)).catch((error: unknown) =>
        log.error({ err: error }, 'A stream did not end well')
      )
    })
  }
}

function createProtocol(
  { schema, limits, corsOrigins, countOperation, findDocument, prepare, toContext }: Surface,
  log: FastifyBaseLogger
) {
  const format = (error: GraphQLError): GraphQLFormattedError => toClientError(error, log).toJSON()
  function find(ask: DocumentAsk, operationName: string | null): Preparation {
    try {
      return prepare(findDocument(ask), operationName)
    } catch (error) {
      if (error instanceof Problem) return { errors: [toRequestError(error)] }
      throw error
    }
  }
  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: 0,
    async onConnect(connection) {
      const { connectionParams, extra } = connection
      const { headers } = extra.request
      const given = connectionParams?.['authorization'] ?? connectionParams?.['Authorization']
      const authorization = typeof given === 'string' ? given : headers.authorization
      try {
        await extra.access.begin(authorization, ({ principal }) => {
          if (principal === 'anonymous' && !isTrustedOrigin(headers, corsOrigins))
            throw new Problem('forbidden', 'Pages of other origins send a key')
        })
      } catch (error) {
        if (!(error instanceof Problem)) throw error
        // Clients that were told 4403 do not come again
        if (error.status === 503) extra.socket.close(1013, 'Try again later')
        return false
      }
      const end = (): void => endOver(connection, limits)
      extra.access.current()!.ended.addEventListener('abort', end, { once: true })
      return true
    },
    onSubscribe({ extra, subscriptions }, id, payload) {
      if (Object.keys(subscriptions).length > limits.socketOperationsMax) {
        return [
          toRequestError(
            new Problem(
              'too_many_requests',
              `At most ${limits.socketOperationsMax} operations on a connection`
            )
          )
        ]
      }
      try {
        countOperation(extra.access.current()!)
      } catch (error) {
        if (error instanceof Problem) return [toRequestError(error)]
        throw error
      }
      const { variables, operationName } = payload
      const prepared = find(payload, operationName ?? null)
      if ('errors' in prepared) return prepared.errors
      if (prepared.operation.operation === 'mutation') extra.mutations.add(id)
      return {
        schema,
        document: prepared.document,
        operationName,
        variableValues: variables,
        contextValue: toContext({
          access: extra.access.current()!,
          signal: extra.gone.signal,
          // Of a connection that lives for days, each operation is of a trace of its own
          trace: readTrace(payload.extensions ?? {})
        })
      }
    },
    onNext(_connection, _id, _payload, _args, { data, errors }) {
      return errors && { ...(data !== undefined && { data }), errors: errors.map(format) }
    },
    onError: (_connection, _id, _payload, errors) => errors.map(format),
    onComplete: ({ extra }, id) => void extra.mutations.delete(id)
  })
}

/**
 * Who asked is over: told for each operation, then by the connection's end. What becomes of a mutation that runs is not
 * known here, so nothing is said of it.
 */
function endOver(
  { extra, subscriptions }: Connection<Record<string, unknown>, Extra>,
  { accessOverMsMax }: Pick<Limits, 'accessOverMsMax'>
): void {
  const { socket, mutations } = extra
  extra.over = true
  const payload = [toRequestError(overProblem())]
  for (const id of Object.keys(subscriptions))
    if (!mutations.has(id)) socket.send(JSON.stringify({ id, type: MessageType.Error, payload }))
  socket.close(CloseCode.Unauthorized, 'Unauthorized')
  extra.gone.abort()
  const timer = setTimeout(() => socket.terminate(), accessOverMsMax)
  socket.once('close', () => clearTimeout(timer))
}

/**
 * Browsers let any page open a WebSocket to any address, and no CORS rule asks the server first. Without a key, only
 * pages of ours, of the user's own machine, and of origins that the operator named, may; programs other than browsers send no Origin.
 */
function isTrustedOrigin(
  { origin, host }: { origin?: string | undefined; host?: string | undefined },
  corsOrigins: readonly string[]
): boolean {
  if (origin !== undefined && corsOrigins.includes(origin)) return true
  const page = origin?.replace(/^https?:\/\//, '')
  return page === undefined || page === host || /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(page)
}

function open(
  protocol: ReturnType<typeof createProtocol>,
  socket: WebSocket,
  extra: Extra,
  alive: KeepAlive,
  limits: Limits
) {
  return protocol.opened(
    {
      protocol: socket.protocol,
      close: (code, reason) => socket.close(code, reason),
      send: (text) =>
        new Promise((resolve) => {
          if (socket.readyState !== socket.OPEN || extra.over) {
            extra.gone.abort() // nobody reads any more: streams need not go on until the connection is torn down
            return resolve()
          }
          // Resolves when the bytes have left, so that a stream is as fast as its reader
          const left = alive.sending()
          socket.send(text, () => {
            left()
            if (socket.isPaused && socket.bufferedAmount < limits.socketMessageBytesMax) socket.resume()
            resolve()
          })
        }),
      // With a payload that has an `authorization`, a ping replaces the credential that there was (docs/access.md)
      async onPing(payload) {
        const name = ['authorization', 'Authorization'].find((one) => payload != null && one in payload)
        const answer = name === undefined ? payload : await extra.access.renew(payload![name])
        await this.send(JSON.stringify({ type: MessageType.Pong, ...(answer && { payload: answer }) }))
      },
      onMessage: (receive) =>
        socket.on('message', (data, isBinary) => {
          if (extra.over) return
          if (isBinary) return socket.close(CloseCode.BadRequest, 'Messages are text')
          // Who asks without reading the answers is not listened to until it has
          if (socket.bufferedAmount >= limits.socketMessageBytesMax) socket.pause()
          receive(String(data)).catch((error: unknown) => {
            extra.request.log.error({ err: error }, 'A WebSocket message failed')
            socket.close(CloseCode.InternalServerError, 'Internal server error')
          })
        })
    },
    extra
  )
}
