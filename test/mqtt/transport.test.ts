import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect as connectTcp, createServer } from 'node:net'
import { test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import type { IConnectPacket } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { defaultLimits } from '../../src/limits.ts'
import type { Broker } from '../../src/model.ts'
import type { Connection } from '../../src/mqtt/connection.ts'
import { ConnectError } from '../../src/mqtt/connect-error.ts'
import { connect } from '../../src/mqtt/connection.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'

const pem = (name: string): string =>
  readFileSync(new URL(`../support/tls/${name}.pem`, import.meta.url), 'utf8')
const tlsOptions = { key: pem('server-key'), cert: pem('server'), ca: pem('ca') }
const limits = { ...defaultLimits, connectTimeoutMs: 3_000 }

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => server.close())
  return (server.address() as AddressInfo).port
}

/** Connects, publishes, and receives through what is in front of the broker. */
async function works(broker: Broker): Promise<void> {
  const connection = await open(broker)
  assert.equal(
    (await connection.publish({ topic: 'a', payload: 'x', qos: 1, retain: false, properties: null }))
      .reasonCode,
    0
  )
  assert.deepEqual(
    await connection.subscribe({ filters: ['a'], qos: 2, retainHandling: 0, retainAsPublished: true }),
    [2]
  )
  await connection.end()
}

const open = (broker: Broker): Promise<Connection> =>
  connect({ broker, version: 5, clientId: `t${Math.random()}`, clean: true, sessionExpirySeconds: 0, limits })

function pipeTo(port: number): (socket: Socket) => void {
  return (socket) => {
    const upstream = connectTcp(port, '127.0.0.1')
    socket.pipe(upstream).pipe(socket)
    for (const one of [socket, upstream])
      one.on('error', () => [socket, upstream].forEach((each) => each.destroy()))
  }
}

test('mqtt and ws', async () => {
  const broker = await startBroker()
  await works({ url: broker.url })
  await works({ url: broker.wsUrl })
})

test('mqtts: with the authority that signed it, and with a client certificate where the broker asks for one', async () => {
  const { port } = await startBroker()
  const plain = await listening(createTlsServer(tlsOptions, pipeTo(port)))
  await works({ url: `mqtts://127.0.0.1:${plain}`, ca: pem('ca') })
  await works({ url: `mqtts://localhost:${plain}`, ca: pem('ca') })

  const strict = await listening(
    createTlsServer({ ...tlsOptions, requestCert: true, rejectUnauthorized: true }, pipeTo(port))
  )
  await works({
    url: `mqtts://127.0.0.1:${strict}`,
    ca: pem('ca'),
    cert: pem('client'),
    key: pem('client-key')
  })
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${strict}`, ca: pem('ca') }))
})

test('mqtts fails closed: an authority that is not known, a host that the certificate does not name', async () => {
  const { port } = await startBroker()
  const server = await listening(createTlsServer(tlsOptions, pipeTo(port)))
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${server}` }), /certificate/)
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${server}`, ca: pem('stranger') }), /certificate/)
  const named = { key: pem('other-key'), cert: pem('other') }
  const other = await listening(createTlsServer(named, pipeTo(port)))
  for (const host of ['127.0.0.1', 'localhost']) {
    await assert.rejects(
      open({ url: `mqtts://${host}:${other}`, ca: pem('ca') }),
      /does not match certificate/
    )
  }
})

test('wss', async () => {
  const { port } = await startBroker()
  const server = createHttpsServer(tlsOptions)
  new WebSocketServer({ server, handleProtocols: () => 'mqtt' }).on('connection', (socket) =>
    pipeTo(port)(createWebSocketStream(socket) as unknown as Socket)
  )
  await works({ url: `wss://localhost:${await listening(server)}/mqtt`, ca: pem('ca') })
  await assert.rejects(
    open({ url: `wss://localhost:${(server.address() as AddressInfo).port}/mqtt` }),
    /certificate/
  )
})

test('user name and password are sent, and a refusal says why', async () => {
  const seen: IConnectPacket[] = []
  const server = createServer((socket) => {
    const parser = mqttPacket.parser()
    parser.on('packet', (packet) => {
      if (packet.cmd !== 'connect') return
      seen.push(packet)
      socket.end(
        mqttPacket.generate(
          { cmd: 'connack', reasonCode: 0x86, sessionPresent: false },
          { protocolVersion: 5 }
        )
      )
    })
    socket.on('data', (data) => parser.parse(data))
  })
  const port = await listening(server)
  await assert.rejects(
    open({ url: `mqtt://127.0.0.1:${port}`, username: 'u', password: 'p' }),
    (error: ConnectError) => {
      assert.ok(error instanceof ConnectError)
      assert.equal(error.reasonCode, 0x86)
      return true
    }
  )
  assert.deepEqual([seen[0]!.username, seen[0]!.password?.toString()], ['u', 'p'])
})

test('a broker that accepts and says nothing is given up on', async () => {
  const port = await listening(createServer(() => {}))
  await assert.rejects(
    connect({
      broker: { url: `mqtt://127.0.0.1:${port}` },
      version: 5,
      clientId: 't',
      clean: true,
      sessionExpirySeconds: 0,
      limits: { ...limits, connectTimeoutMs: 200 }
    }),
    /connack timeout/
  )
})
