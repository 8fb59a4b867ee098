import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as fs from 'node:fs/promises'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type IClientOptions, type IClientPublishOptions, type MqttClient } from 'mqtt'
import { generate, type IDisconnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { startEmbeddedBroker, type EmbeddedBroker } from '../../src/embedded/broker.ts'

const qualities = [0, 1, 2] as const
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

for (const protocolVersion of [4, 5] as const) {
  for (const transport of ['url', 'wsUrl'] as const) {
    const version = protocolVersion === 5 ? '5' : '3.1.1'
    const name = `MQTT ${version} over ${transport === 'url' ? 'TCP' : 'WebSocket'}`

    test(`${name}: messages of every QoS arrive as they were sent`, async (t) => {
      const broker = await start(t)
      const subscriber = await connect(t, broker[transport], { protocolVersion })
      const publisher = await connect(t, broker[transport], { protocolVersion })
      const received = collect(subscriber)
      await subscriber.subscribeAsync('sent/#', { qos: 2 })

      for (const qos of qualities) await publisher.publishAsync(`sent/${qos}`, everyByte, { qos })

      await until(() => received.length === 3, 'three messages')
      assert.deepEqual(
        received.map(({ topic, qos, payload }) => ({
          topic,
          qos,
          same: everyByte.equals(toBuffer(payload))
        })),
        qualities.map((qos) => ({ topic: `sent/${qos}`, qos, same: true }))
      )
    })

    test(`${name}: a payload of 10 MB passes`, async (t) => {
      const broker = await start(t)
      const client = await connect(t, broker[transport], { protocolVersion })
      const received = collect(client)
      const payload = randomBytes(10 * 1024 * 1024)
      await client.subscribeAsync('large', { qos: 1 })

      await client.publishAsync('large', payload, { qos: 1 })

      await until(() => received.length === 1, 'the message')
      assert.ok(payload.equals(toBuffer(received[0]?.payload ?? '')))
    })
  }
}

test('a topic of 100 levels passes', async (t) => {
  const broker = await start(t)
  const client = await connect(t, broker.url)
  const received = collect(client)
  const topic = Array.from({ length: 100 }, (_, level) => level).join('/')
  await client.subscribeAsync(topic)

  await client.publishAsync(topic, 'deep')

  await until(() => received.length === 1, 'the message')
  assert.equal(received[0]?.topic, topic)
})

test('retained messages are the same, byte for byte, after a clean restart', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const properties = {
    contentType: 'application/x',
    responseTopic: 'answers/1',
    correlationData: everyByte,
    userProperties: { one: '1', two: ['a', 'b'], ü: '\u2028' },
    payloadFormatIndicator: false
  }
  const sent: [string, Buffer, IClientPublishOptions][] = [
    ['plain', Buffer.from('text'), { qos: 0 }],
    ['bytes', everyByte, { qos: 1 }],
    ['properties', everyByte, { qos: 2, properties }],
    ['large', randomBytes(10 * 1024 * 1024), { qos: 1 }],
    ['/', Buffer.from('no name'), { qos: 1 }],
    ['line\u2028 of\u2029 "topic" \\', Buffer.from('\r\n'), { qos: 1 }],
    ['$private/topic', Buffer.from('1'), { qos: 1 }],
    ['__proto__', Buffer.from('1'), { qos: 1 }]
  ]
  const first = await start(t, { dataDir })
  const publisher = await connect(t, first.url)
  for (const [topic, payload, options] of sent) await publishRetained(publisher, topic, payload, options)
  await publishRetained(publisher, 'cleared', Buffer.from('1'), {})
  await publishRetained(publisher, 'cleared', Buffer.alloc(0), {})
  const before = await retainedOn(t, first)

  await first.stop()
  const second = await start(t, { dataDir })
  const after = await retainedOn(t, second)

  assert.deepEqual(before.map(({ topic }) => topic).sort(), sent.map(([topic]) => topic).sort())
  for (const [topic, payload, { qos }] of sent) {
    const packet = after.find((candidate) => candidate.topic === topic)
    assert.ok(payload.equals(toBuffer(packet?.payload ?? '')), `payload of ${topic}`)
    assert.deepEqual([packet?.qos, packet?.retain], [qos, true])
  }
  const withProperties = after.find(({ topic }) => topic === 'properties')
  assert.deepEqual(plain(withProperties?.properties), plain(properties))
  assert.deepEqual(after.map(comparable), before.map(comparable))
})

test('the expiry of a retained message goes on across a restart', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const first = await start(t, { dataDir })
  const publisher = await connect(t, first.url)
  const expiring = (seconds: number) => ({ properties: { messageExpiryInterval: seconds } })
  await publishRetained(publisher, 'long', Buffer.from('1'), expiring(1_000))
  await publishRetained(publisher, 'short', Buffer.from('1'), expiring(1_000))
  await first.stop()
  await edit(join(dataDir, 'retained.jsonl'), /("topic":"short".*"messageExpiry":)\d+/, `$1${Date.now() - 1}`)
  await edit(
    join(dataDir, 'retained.jsonl'),
    /("topic":"long".*"messageExpiry":)\d+/,
    `$1${Date.now() + 100_000}`
  )

  const second = await start(t, { dataDir })
  const after = await retainedOn(t, second)

  assert.deepEqual(
    after.map(({ topic }) => topic),
    ['long']
  )
  const remaining = after[0]?.properties?.messageExpiryInterval ?? 0
  assert.ok(remaining > 90 && remaining <= 100, `${remaining} s remain of 100`)
})

test('an expired message leaves the file, also when nobody has asked for it', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const file = join(dataDir, 'retained.jsonl')
  const line = (topic: string, messageExpiry: number): string =>
    JSON.stringify({ topic, payload: 'MQ==', qos: 0, messageExpiry })
  await fs.writeFile(file, `${line('past', Date.now() - 1)}\n${line('future', Date.now() + 100_000)}\n`)

  await (await start(t, { dataDir })).stop()

  assert.match(await fs.readFile(file, 'utf8'), /^.*"future".*\n$/)
})

test('a damaged line is set aside and does not stop the start', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const first = await start(t, { dataDir })
  await publishRetained(await connect(t, first.url), 'good', Buffer.from('1'), {})
  await first.stop()
  const file = join(dataDir, 'retained.jsonl')
  const damage = [
    '{"topic":"cut","payl',
    '{"topic":"no payload","qos":1}',
    'null',
    '{"topic":1,"payload":"","qos":7}'
  ]
  await fs.appendFile(file, damage.join('\n'))
  const lines: string[] = []

  const second = await start(t, { dataDir, lines })

  const after = await retainedOn(t, second)
  assert.deepEqual(
    after.map(({ topic }) => topic),
    ['good']
  )
  assert.match(lines.join(), /"damaged":4.*could not be read/)
  assert.match(await fs.readFile(`${file}.damaged`, 'utf8'), /"topic":"cut"/)
})

test('ports that are taken are told, and the next ones used', async (t) => {
  const taken = await Promise.all([listen(t), listen(t)])
  const lines: string[] = []

  const broker = await start(t, { port: taken[0], wsPort: taken[1], lines })

  assert.ok(broker.port > taken[0] && broker.wsPort > taken[1])
  assert.deepEqual(
    [broker.url, broker.wsUrl],
    [`mqtt://127.0.0.1:${broker.port}`, `ws://127.0.0.1:${broker.wsPort}`]
  )
  for (const port of taken) assert.match(lines.join(), new RegExp(`Port ${port} for MQTT.* is taken`))
  for (const url of [broker.url, broker.wsUrl]) await connect(t, url)
})

const otherAddresses = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .filter(({ family, internal }) => family === 'IPv4' && !internal)

test(
  'it listens on loopback only',
  { skip: otherAddresses.length === 0 && 'no other address' },
  async (t) => {
    const broker = await start(t)

    for (const { address } of otherAddresses) {
      for (const port of [broker.port, broker.wsPort]) {
        await assert.rejects(once(connectTcp(port, address), 'connect'), /ECONNREFUSED/)
      }
    }
  }
)

test('a page of another site cannot connect by WebSocket, one of this machine can', async (t) => {
  const { wsUrl } = await start(t)

  for (const origin of ['http://localhost:5173', 'http://127.0.0.1', 'https://[::1]:8443']) {
    const socket = new WebSocket(wsUrl, 'mqtt', { origin })
    await once(socket, 'open')
    assert.equal(socket.protocol, 'mqtt')
    socket.terminate()
  }
  for (const origin of ['https://example.com', 'http://localhost.example.com', 'null', 'nonsense']) {
    await assert.rejects(once(new WebSocket(wsUrl, 'mqtt', { origin }), 'open'), /403/)
  }
})

// Hostile and broken clients

const connectPacket = (clientId: string, protocolVersion: 4 | 5 = 5): Packet => ({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion,
  clientId,
  clean: true,
  keepalive: 0
})
const subscribePacket = (...topics: string[]): Packet => ({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: topics.map((topic) => ({ topic, qos: 1 }))
})
const publishPacket = (topic: string): Packet => ({
  cmd: 'publish',
  topic,
  payload: 'x',
  qos: 1,
  messageId: 2,
  retain: true,
  dup: false
})
const bytes = (...packets: Packet[]): Buffer =>
  Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: 5 })))

const memberNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
const hostile: Record<string, Buffer> = {
  noise: randomBytes(1_000),
  'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  'nothing but half a packet': bytes(connectPacket('half')).subarray(0, 9),
  'PUBLISH before CONNECT': bytes(publishPacket('early')),
  'CONNECT twice': bytes(connectPacket('twice'), connectPacket('twice')),
  'a packet of 256 MB announced': Buffer.concat([
    bytes(connectPacket('huge')),
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.alloc(1_000)
  ]),
  'a topic of 300 levels': bytes(connectPacket('deep'), publishPacket('x/'.repeat(300))),
  'a filter of 300 levels': bytes(connectPacket('deep'), subscribePacket('x/'.repeat(300))),
  'wildcards in a topic': bytes(connectPacket('wild'), publishPacket('a/#')),
  ...Object.fromEntries(
    memberNames.flatMap((name) => [
      [`the client id ${name}`, bytes(connectPacket(name))],
      [`the filter ${name}`, bytes(connectPacket('a'), subscribePacket(name), publishPacket(name))],
      [
        `the filters ${name} and a`,
        bytes(connectPacket('b'), subscribePacket(name, 'a'), publishPacket(name))
      ]
    ])
  )
}

test('no client can end the process or take the broker from the others', async (t) => {
  const broker = await start(t)
  const witness = await connect(t, broker.url)
  const received = collect(witness)
  await witness.subscribeAsync('witness', { qos: 1 })

  for (const [what, data] of Object.entries(hostile)) {
    await sendByTcp(broker, data)
    await sendByWebSocket(broker, data)
    await witness.publishAsync('witness', what, { qos: 1 })
  }

  const names = Object.keys(hostile)
  await until(() => received.length === names.length, 'the witness to see every message')
  assert.deepEqual(
    received.map(({ payload }) => payload.toString()),
    names
  )
})

test('a packet that is announced as larger than 16 MB ends its connection at once', async (t) => {
  const broker = await start(t)
  const socket = connectTcp(broker.port, '127.0.0.1')

  socket.write(bytes(connectPacket('huge')))
  socket.write(Buffer.from([0x30, 0x81, 0x80, 0x80, 0x08])) // the fixed header of 16 MiB + 1

  await closed(socket)
})

test('a WebSocket that breaks the protocol ends alone', async (t) => {
  const broker = await start(t)
  const witness = await connect(t, broker.url)

  const unmasked = await upgraded(broker)
  unmasked.write(Buffer.from([0x82, 0x01, 0x00])) // RFC 6455 section 5.1: a client must mask
  await closed(unmasked)
  const tooLong = await upgraded(broker)
  tooLong.write(Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1, 2, 3, 4]))
  await closed(tooLong)
  const reset = await upgraded(broker)
  reset.resetAndDestroy()
  for (let n = 0; n < 10; n++) {
    const refused = connectTcp(broker.wsPort, '127.0.0.1').on('error', () => {})
    await once(refused, 'connect')
    refused.write(upgradeRequest('Origin: https://example.com'), () => refused.resetAndDestroy())
    await once(refused, 'close') // often before the answer, which then has nowhere to go
  }

  await witness.publishAsync('still', 'here', { qos: 1 })
})

// Stop

test('stop tells the clients, keeps retained will messages, and leaves both ports closed', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const broker = await start(t, { dataDir })
  const will = { topic: 'status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  const client = await connect(t, broker.url, { will })
  const told = new Promise<IDisconnectPacket>((resolve) => client.once('disconnect', resolve))
  await client.subscribeAsync('any') // CONNACK comes before the broker has the client in its list

  await Promise.all([broker.stop(), broker.stop()])
  await broker.stop()

  assert.equal((await told).reasonCode, 0x8b) // Server shutting down
  for (const port of [broker.port, broker.wsPort]) {
    await assert.rejects(once(connectTcp(port, '127.0.0.1'), 'connect'), /ECONNREFUSED/)
  }
  const [status] = await retainedOn(t, await start(t, { dataDir }))
  assert.deepEqual([status?.topic, status?.payload.toString()], ['status', 'offline'])
})

test('neither a silent connection nor one that does not read holds up the stop', async (t) => {
  const broker = await start(t)
  const silent = connectTcp(broker.port, '127.0.0.1')
  await once(silent, 'connect')
  const halfway = await upgraded(broker)
  const deaf = connectTcp(broker.port, '127.0.0.1')
  deaf.write(bytes(connectPacket('deaf'), subscribePacket('flood')))
  await once(deaf, 'readable')
  const publisher = await connect(t, broker.url)
  for (let n = 0; n < 4; n++) await publisher.publishAsync('flood', Buffer.alloc(8 * 1024 * 1024), { qos: 1 })

  const startedAt = Date.now()
  await broker.stop()

  assert.ok(Date.now() - startedAt < 5_000, `${Date.now() - startedAt} ms`)
  for (const socket of [silent, halfway, deaf]) socket.destroy()
})

// Helpers

interface BrokerSettings {
  dataDir?: string
  port?: number
  wsPort?: number
  lines?: string[]
}

async function start(t: TestContext, settings: BrokerSettings = {}): Promise<EmbeddedBroker> {
  const { port = 0, wsPort = 0, lines = [] } = settings
  const dataDir = settings.dataDir ?? (await temporaryDirectory(t))
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const broker = await startEmbeddedBroker({ dataDir, port, wsPort, log })
  after(t, () => broker.stop())
  return broker
}

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await fs.mkdtemp(join(tmpdir(), 'rialto-broker-'))
  after(t, () => fs.rm(path, { recursive: true, force: true }))
  return path
}

async function connect(t: TestContext, url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0, ...options })
  client.on('error', () => {})
  after(t, () => client.endAsync(true))
  return client
}

function collect(client: MqttClient): IPublishPacket[] {
  const received: IPublishPacket[] = []
  client.on('message', (_topic, _payload, packet) => void received.push(packet))
  return received
}

async function publishRetained(
  client: MqttClient,
  topic: string,
  payload: Buffer,
  options: IClientPublishOptions
): Promise<void> {
  await client.publishAsync(topic, payload, { ...options, retain: true })
  await client.publishAsync('sync', '', { qos: 2 }) // by its PUBREC the broker has stored what came before
}

/** All that a new subscriber gets; the last one is ours and marks the end. */
async function retainedOn(t: TestContext, broker: EmbeddedBroker): Promise<IPublishPacket[]> {
  const client = await connect(t, broker.url)
  const received = collect(client)
  await client.publishAsync('zz/mark', 'end', { qos: 1, retain: true })
  await client.subscribeAsync(['#', '$private/#'], { qos: 2 })
  await client.subscribeAsync('zz/mark', { qos: 1 })
  await until(() => received.filter(({ topic }) => topic === 'zz/mark').length === 2, 'the retained messages')
  await client.publishAsync('zz/mark', '', { qos: 1, retain: true })
  await client.endAsync()
  const byTopic = new Map(received.map((packet) => [packet.topic, packet])) // both filters match $private
  byTopic.delete('zz/mark')
  return [...byTopic.values()]
}

const comparable = ({ topic, qos, retain, payload, properties }: IPublishPacket) =>
  plain({ topic, qos, retain, payload: toBuffer(payload).toString('base64'), properties })

/** Without prototypes, which differ, and with bytes made comparable. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null))

const toBuffer = (payload: Buffer | string): Buffer => Buffer.from(payload as Buffer)

async function edit(file: string, pattern: RegExp, replacement: string): Promise<void> {
  const content = await fs.readFile(file, 'utf8')
  assert.match(content, pattern)
  await fs.writeFile(file, content.replace(pattern, replacement))
}

async function listen(t: TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(t, () => server.close())
  return (server.address() as { port: number }).port
}

/** Sends, and waits until the broker has either closed the connection or answered. */
async function sendByTcp({ port }: EmbeddedBroker, data: Buffer): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1').on('error', () => {})
  socket.write(data)
  await Promise.race([once(socket, 'close'), once(socket, 'data'), sleep(50)])
  socket.resetAndDestroy()
}

async function sendByWebSocket({ wsUrl }: EmbeddedBroker, data: Buffer): Promise<void> {
  const socket = new WebSocket(wsUrl, 'mqtt').on('error', () => {})
  await once(socket, 'open')
  socket.send(data)
  socket.send('text, where MQTT has bytes')
  await Promise.race([once(socket, 'close'), once(socket, 'message'), sleep(50)])
  socket.terminate()
}

async function closed(socket: Socket): Promise<void> {
  socket.resume()
  await once(socket, 'close', { signal: AbortSignal.timeout(10_000) })
}

async function upgraded({ wsPort }: EmbeddedBroker): Promise<Socket> {
  const socket = connectTcp(wsPort, '127.0.0.1').on('error', () => {})
  socket.write(upgradeRequest())
  await once(socket, 'data')
  return socket
}

function upgradeRequest(...extra: string[]): string {
  const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', ...extra]
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`
  return ['GET / HTTP/1.1', 'Host: localhost', ...headers, key, '', ''].join('\r\n')
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!condition()) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`)
    await sleep(5)
  }
}

const cleanups = new WeakMap<TestContext, (() => unknown)[]>()

/** Like `t.after`, but last in, first out: what stands on another thing goes before it. */
function after(t: TestContext, cleanup: () => unknown): void {
  const registered = cleanups.get(t)
  if (registered) return void registered.push(cleanup)
  const stack = [cleanup]
  cleanups.set(t, stack)
  t.after(async () => {
    for (const next of stack.reverse()) await next()
  })
}
