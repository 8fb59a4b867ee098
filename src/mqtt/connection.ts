/** One network connection to a broker. It ends once and is never reused: what belongs to it cannot leak to the next. */

import type { Duplex } from 'node:stream'
import type { IConnackPacket, IPublishPacket } from 'mqtt'
import { MqttClient } from 'mqtt'
import type { Limits } from '../limits.ts'
import type { Broker, MessageProperties, QoS } from '../model.ts'
import { clientOptions, publishOne, subscribeSome, watchReasons } from './client-calls.ts'
import { ConnectError } from './connect-error.ts'
import { watchKeepAlive } from './keep-alive.ts'
import type { TapHandlers } from './tap.ts'
import { Tap } from './tap.ts'
import type { ServerLimits } from './server-limits.ts'
import { serverLimits, withinLimits } from './server-limits.ts'
import { readSecrets } from './tls.ts'
import { toTlsError } from './tls-faults.ts'
import { openTransport } from './transport.ts'

export type ProtocolVersion = 4 | 5

export interface ConnectionOptions {
  broker: Broker
  version: ProtocolVersion
  clientId: string
  /** Clean Start; with false, the session is kept `sessionExpirySeconds` after the connection ends [MQTT-3.1.2.11.2]. */
  clean: boolean
  sessionExpirySeconds: number
  /** Retained and of QoS 1, or neither where the broker has no such thing. */
  will?: { topic: string; payload: string; plain?: boolean }
  limits: Limits
  /** Gives up: the connection, made or being made, is dropped. */
  signal?: AbortSignal
  /** Messages go to the tap, and are acknowledged through it. */
  tap?: TapHandlers
  /** Messages, where there is no tap; the next is handed over when `done` is called. */
  onMessage?: (packet: IPublishPacket, done: () => void) => void
}

export interface Subscription {
  filters: readonly string[]
  qos: QoS
  /** 0: retained messages are sent; 2: none are [MQTT-3.8.3.1]. */
  retainHandling: 0 | 2
  /** Live messages keep the flag they were published with [MQTT-3.3.1-13]; else only those found have it. */
  retainAsPublished: boolean
  /** How long the answer may take, where it may have to wait. */
  answerMsMax?: number
}

/** How a connection ended. */
export interface Ended {
  reason: string
  /** Of the broker's DISCONNECT (MQTT 5) [MQTT-3.14.2.1]; null where it sent none. */
  reasonCode: number | null
  /** The broker closed it, and said nothing; not we, because it broke the protocol. */
  closedByBroker: boolean
}

/** The broker's word on a PUBLISH. */
export interface PublishResult {
  /** Reason code of PUBACK, or of PUBREC/PUBCOMP; 0 for QoS 0 and 3.1.1. */
  reasonCode: number
}

export interface OutgoingMessage {
  topic: string
  payload: Uint8Array | string
  qos: QoS
  retain: boolean
  properties: MessageProperties | null
}

export interface Connection {
  version: ProtocolVersion
  sessionPresent: boolean
  server: ServerLimits
  tap: Tap | null
  /** Granted QoS or failure code for each filter. */
  subscribe(subscription: Subscription): Promise<number[]>
  unsubscribe(filters: readonly string[]): Promise<void>
  publish(message: OutgoingMessage): Promise<PublishResult>
  /** Resolves when the connection has ended, with the reason as far as known. */
  ended: Promise<Ended>
  /** Sends DISCONNECT, so that the broker publishes no will [MQTT-3.14.4-3]. */
  end(): Promise<void>
  /** Drops the connection as a network failure would. */
  destroy(): void
}

/** Resolves after a successful CONNACK; rejects with ConnectError. */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  try {
    return await connectOnce(options)
  } catch (error) {
    const code = error instanceof ConnectError ? error.reasonCode : null
    // It keeps no retained messages, or takes no QoS 1 [MQTT-3.2.2-13], [MQTT-3.2.2-12]
    if (options.will === undefined || (code !== 0x9a && code !== 0x9b)) throw error
    return connectOnce({ ...options, will: { ...options.will, plain: true } })
  }
}

async function connectOnce(options: ConnectionOptions): Promise<Connection> {
  const { limits, broker } = options
  const secrets = await readSecrets(broker)
  let failure: Error | null = null
  let tap: Tap | null = null
  let transport: Duplex | null = null
  const end: Ended = { reason: 'the connection was closed', reasonCode: null, closedByBroker: true }
  const fail = (error: Error & { syscall?: string }): void => {
    failure ??= error
    end.reason = error.message
    end.closedByBroker = error.syscall !== undefined // reset
  }
  const client = new MqttClient(() => {
    transport = openTransport(broker, secrets, limits.packetBytesMax + 1_024)
    if (options.tap === undefined) return transport.once('error', fail)
    tap = new Tap(transport, options.version, limits.packetBytesMax, options.tap, limits)
    return tap.once('error', fail)
  }, clientOptions(options))
  if (options.onMessage !== undefined) client.handleMessage = options.onMessage
  client.on('error', (error) => {
    fail(error)
    // After a parse error MQTT.js would stay on a stream it no longer understands
    client.stream.destroy()
  })
  client.on('disconnect', ({ reasonCode = 0 }) =>
    Object.assign(end, {
      reason: `the broker sent DISCONNECT 0x${reasonCode.toString(16)}`,
      reasonCode,
      closedByBroker: false
    })
  )
  const ended = new Promise<Ended>((resolve) => client.once('close', () => resolve({ ...end })))
  const giveUp = (): void => void client.stream?.destroy()
  options.signal?.addEventListener('abort', giveUp)
  void ended.then(() => options.signal?.removeEventListener('abort', giveUp))
  const connack = await handshake(client, ended, options.signal).catch((error: ConnectError) => {
    throw error.reasonCode === null ? (toTlsError(broker, failure) ?? error) : error
  })
  const keepAliveSeconds = connack.properties?.serverKeepAlive ?? limits.keepAliveSeconds // [MQTT-3.2.2-21]
  const stopWatch = watchKeepAlive(client, () => transport!, keepAliveSeconds)
  void ended.then(() => {
    stopWatch()
    client.end(true)
  })
  const destroy = (): void => {
    end.closedByBroker = false
    client.stream.destroy()
  }
  return createConnection(options, client, connack, tap, ended, destroy)
}

async function handshake(
  client: MqttClient,
  ended: Promise<Ended>,
  signal: AbortSignal | undefined
): Promise<IConnackPacket> {
  if (signal?.aborted) throw new ConnectError('given up', null)
  let refused: { code?: number } | null = null
  client.on('error', (error) => (refused ??= error as { code?: number }))
  const connected = new Promise<IConnackPacket>((resolve) => client.once('connect', resolve))
  client.connect()
  const first = await Promise.race([connected, ended])
  if ('cmd' in first) return first
  client.end(true)
  const code = (refused as { code?: unknown } | null)?.code
  throw new ConnectError(first.reason, typeof code === 'number' ? code : null, { cause: refused })
}

function createConnection(
  options: ConnectionOptions,
  client: MqttClient,
  connack: IConnackPacket,
  tap: Tap | null,
  ended: Promise<Ended>,
  destroy: () => void
): Connection {
  const { limits, version } = options
  const server = serverLimits(options, connack)
  const reasons = watchReasons(client)

  /** No answer of the broker is waited for longer than its limit, or than the connection. */
  async function answered<T>(
    what: string,
    promise: Promise<T>,
    msMax = limits.brokerAnswerMsMax
  ): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    promise.catch(() => {}) // MQTT.js may reject later, when nobody waits any more
    try {
      return await Promise.race([
        promise,
        ended.then(({ reason }) => Promise.reject(new Error(`${what} was not answered: ${reason}`))),
        new Promise<never>((_, reject) => {
          timer = setTimeout(() => reject(new Error(`${what} was not answered in time`)), msMax)
        })
      ])
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    version,
    sessionPresent: connack.sessionPresent,
    server,
    tap,
    async subscribe({ filters, qos: wanted, retainHandling, retainAsPublished, answerMsMax }) {
      const grants: number[] = []
      // Not an error to ask for more [MQTT-3.2.2-9], but AWS IoT does not answer then
      const qos = Math.min(wanted, server.maximumQos) as QoS
      // AWS IoT takes 8 filters in one SUBSCRIBE
      for (let at = 0; at < filters.length; at += limits.subscribeFiltersMax) {
        const some = filters.slice(at, at + limits.subscribeFiltersMax)
        const flags = version === 5 ? { rap: retainAsPublished, rh: retainHandling } : {}
        const subscribed = subscribeSome(client, some, { qos, ...flags })
        grants.push(...(await answered('SUBSCRIBE', subscribed, answerMsMax)))
      }
      return grants
    },
    async unsubscribe(filters) {
      for (let at = 0; at < filters.length; at += limits.subscribeFiltersMax) {
        const some = filters.slice(at, at + limits.subscribeFiltersMax)
        await answered('UNSUBSCRIBE', client.unsubscribeAsync(some))
      }
    },
    publish: (message) =>
      answered('PUBLISH', publishOne(client, version, withinLimits(message, server), reasons)),
    ended,
    async end() {
      client.end()
      await ended
    },
    destroy
  }
}
