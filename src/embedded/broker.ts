/** The embedded broker, for a machine that has none: development, not production. */

import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Aedes, type Subscription } from 'aedes'
import type { Logger } from 'pino'
import { createWebSocketStream, WebSocketServer, type WebSocket } from 'ws'
import { listenOnFreePort } from './free-port.ts'
import type { RetainedStorage } from './retained-file.ts'
import { loadRetained, saveRetained } from './retained-file.ts'

export interface EmbeddedBroker {
  /** `mqtt://127.0.0.1:1883`, or another port when that one was taken. */
  url: string
  wsUrl: string
  port: number
  wsPort: number
  /** Disconnects every client, then saves the retained messages. May be called again. */
  stop(): Promise<void>
}

export interface EmbeddedBrokerOptions {
  dataDir: string
  /** The next free one is taken when it is in use; 0 lets the operating system choose. */
  port: number
  wsPort: number
  log: EmbeddedBrokerLog
}

export type EmbeddedBrokerLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

const packetBytesMax = 16 * 1024 * 1024 // payloads of 10 MB pass, with their topic and properties
const topicLevelsMax = 100 // the highest that aedes knows: its matcher throws above it
const partingMsMax = 1_000

/**
 * aedes keeps clients by id and subscriptions by filter in plain objects, and looks them up without care: a
 * client with the id `constructor`, or a subscription to it, ends the process. Objects without a prototype
 * prevent that.
 */
interface ClientInternals {
  subscriptions: object
  _parser: NodeJS.EventEmitter
}

/**
 * A broker for development, MQTT 3.1.1 and 5, over TCP and WebSocket, on loopback. It acknowledges before it
 * stores and keeps everything in memory; retained messages, and only they, survive a clean restart.
 */
export async function startEmbeddedBroker(options: EmbeddedBrokerOptions): Promise<EmbeddedBroker> {
  const { dataDir, log } = options
  const file = join(resolve(dataDir), 'retained.jsonl')
  await fs.mkdir(resolve(dataDir), { recursive: true, mode: 0o700 })
  const broker = await createBroker(log)
  const storage = (broker as unknown as { persistence: RetainedStorage }).persistence
  await loadRetained(storage, file, log)

  const tcp = createTcpServer({ noDelay: true }, (socket) => accept(broker, socket))
  const http = createWebSocketServer(broker)
  const sockets = trackSockets([tcp, http])
  const stop = async (): Promise<void> => {
    await closeAll(broker, [tcp, http], sockets)
    await saveRetained(storage, file).catch((err: unknown) =>
      log.error({ err, file }, 'Retained messages not saved')
    )
  }

  try {
    const port = await listen(tcp, options.port, 'MQTT', log)
    const wsPort = await listen(http, options.wsPort, 'MQTT over WebSocket', log)
    let stopping: Promise<void> | undefined
    const urls = { url: `mqtt://127.0.0.1:${port}`, wsUrl: `ws://127.0.0.1:${wsPort}` }
    return { ...urls, port, wsPort, stop: () => (stopping ??= stop()) }
  } catch (error) {
    await closeAll(broker, [tcp, http], sockets)
    throw error
  }
}

async function createBroker(log: EmbeddedBrokerLog): Promise<Aedes> {
  const broker = await Aedes.createBroker({
    maximumPacketSize: packetBytesMax,
    maxTopicLevels: topicLevelsMax
  })
  for (const event of ['clientError', 'connectionError'] as const) {
    broker.on(event, (client, err) => log.debug({ err, clientId: client.id }, 'MQTT client dropped'))
  }
  Object.assign(broker, { clients: Object.create(null) })
  const failing: NodeJS.EventEmitter = broker
  failing.on('error', (err: unknown) => log.warn({ err }, 'The embedded broker failed at a message'))
  return broker
}

// Connections

function listen(server: Server, port: number, what: string, log: EmbeddedBrokerLog): Promise<number> {
  return listenOnFreePort(server, {
    port,
    onTaken: (taken) => log.warn({ port: taken }, `Port ${taken} for ${what} is taken; trying the next`)
  })
}

/** Hands a connection to aedes; whatever it does from now on ends that connection only. */
function accept(broker: Aedes, stream: Duplex, request?: IncomingMessage): void {
  stream.on('error', () => {}) // aedes reports it; without a listener it would end the process
  const client = broker.handle(stream, request) as unknown as ClientInternals
  client.subscriptions = Object.create(null)
  client._parser.prependListener('packet', refuseProto)
}

/** aedes answers an empty filter by closing the connection; this one, among others, would throw. */
function refuseProto({ subscriptions = [] }: { subscriptions?: Subscription[] }): void {
  for (const subscription of subscriptions) if (subscription.topic === '__proto__') subscription.topic = ''
}

function createWebSocketServer(broker: Aedes): HttpServer {
  const http = createHttpServer((_request, response) =>
    response.writeHead(426).end('MQTT over WebSocket only\n')
  )
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: packetBytesMax + 64 * 1024,
    perMessageDeflate: false,
    // [MQTT-6.0.0-4]
    handleProtocols: (offered) => ['mqtt', 'mqttv3.1'].find((known) => offered.has(known)) ?? false
  })
  http.on('upgrade', (request, socket, head) => {
    if (!isLocal(request.headers.origin))
      return socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n')
    sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      webSocket.on('error', () => {})
      accept(broker, createWebSocketStream(webSocket), request)
    })
  })
  return http
}

/** Browsers let any site open a WebSocket to this machine: only pages that this machine has served may. */
function isLocal(origin: string | undefined): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(origin).hostname)
}

function trackSockets(servers: Server[]): Set<Socket> {
  const sockets = new Set<Socket>()
  for (const server of servers) {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => sockets.delete(socket))
    })
  }
  return sockets
}

/** Clients get a DISCONNECT and their will messages are published; who does not read in time is cut off. */
async function closeAll(broker: Aedes, servers: Server[], sockets: Set<Socket>): Promise<void> {
  const listening = servers.filter((server) => server.listening)
  const closed = listening.map((server) => once(server, 'close'))
  for (const server of listening) server.close()
  const parted = new Promise<void>((resolve) => broker.close(resolve))
  const atMost = (): Promise<void> => Promise.race([parted, sleep(partingMsMax, undefined, { ref: false })])
  await atMost()
  for (const socket of sockets) socket.destroy()
  await atMost()
  await Promise.all(closed)
}
