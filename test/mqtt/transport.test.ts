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

const path = (name: string): string => new URL(`../support/tls/${name}.pem`, import.meta.url).pathname
const pem = (name: string): string => readFileSync(path(name), 'utf8')
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
  await works({ url: `mqtts://127.0.0.1:${plain}`, caFile: path('ca') })
  await works({ url: `mqtts://localhost:${plain}`, caFile: path('ca') })

  const strict = await listening(
    createTlsServer({ ...tlsOptions, requestCert: true, rejectUnauthorized: true }, pipeTo(port))
  )
  await works({
    url: `mqtts://127.0.0.1:${strict}`,
    caFile: path('ca'),
    certFile: path('client'),
    keyFile: path('client-key')
  })
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${strict}`, caFile: path('ca') }))
})

test('mqtts fails closed: an authority that is not known, a host that the certificate does not name', async () => {
  const { port } = await startBroker()
  const server = await listening(createTlsServer(tlsOptions, pipeTo(port)))
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${server}` }), /certificate/)
  await assert.rejects(open({ url: `mqtts://127.0.0.1:${server}`, caFile: path('stranger') }), /certificate/)
  const named = { key: pem('other-key'), cert: pem('other') }
  const other = await listening(createTlsServer(named, pipeTo(port)))
  for (const host of ['127.0.0.1', 'localhost']) {
    await assert.rejects(
      open({ url: `mqtts://${host}:${other}`, caFile: path('ca') }),
      /does not match certificate/
    )
  }
})

const refusedAs = (code: string) => (error: unknown) => {
  assert.ok(error instanceof ConnectError, String(error))
  assert.equal(error.tlsFault, code, error.message)
  // Nothing of MQTT was said: the broker has made no session, and its version is not in doubt
  assert.ok(error.unreachable)
  return true
}

test('each fault has its code; the environment does not turn the checks off', async () => {
  const { port } = await startBroker()
  const server = await listening(createTlsServer(tlsOptions, pipeTo(port)))
  const strict = await listening(
    createTlsServer({ ...tlsOptions, requestCert: true, rejectUnauthorized: true }, pipeTo(port))
  )
  const other = await listening(createTlsServer({ key: pem('other-key'), cert: pem('other') }, pipeTo(port)))
  const plain = await listening(createServer(pipeTo(port)))
  const silent = await listening(createServer((socket) => socket.destroy()))
  const of = (at: number, more: Partial<Broker> = {}): Promise<Connection> =>
    open({ url: `mqtts://127.0.0.1:${at}`, caFile: path('ca'), ...more })
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  try {
    await assert.rejects(of(server, { caFile: path('stranger') }), refusedAs('certificate_unknown_authority'))
    await assert.rejects(
      open({ url: `mqtts://127.0.0.1:${server}` }),
      refusedAs('certificate_unknown_authority')
    )
    await assert.rejects(of(other), refusedAs('certificate_wrong_host'))
  } finally {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
  }
  await assert.rejects(of(strict), refusedAs('client_certificate_refused'))
  await assert.rejects(of(plain), refusedAs('tls_failed'))
  await assert.rejects(of(silent), refusedAs('tls_failed'))
  await assert.rejects(of(server, { caFile: '/no/such' }), refusedAs('certificate_file_unusable'))
  await assert.rejects(of(server, { caFile: path('client-key') }), refusedAs('certificate_file_unusable'))
  await assert.rejects(
    of(strict, { certFile: path('client'), keyFile: path('other-key') }),
    (error: Error) =>
      refusedAs('certificate_file_unusable')(error) && /MQTT_KEY holds the private key/.test(error.message)
  )
  await works({ url: `mqtts://127.0.0.1:${server}`, caFile: path('ca') })
})

test('wss', async () => {
  const { port } = await startBroker()
  const server = createHttpsServer(tlsOptions)
  new WebSocketServer({ server, handleProtocols: () => 'mqtt' }).on('connection', (socket) =>
    pipeTo(port)(createWebSocketStream(socket) as unknown as Socket)
  )
  await works({ url: `wss://localhost:${await listening(server)}/mqtt`, caFile: path('ca') })
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
