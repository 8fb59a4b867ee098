/** F37: certificates of the broker and of ours that do not do, through a real Mosquitto, and what is renewed while we run. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import mqtt from 'mqtt'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import type { App } from '../../src/app.ts'
import { startApp } from '../../src/app.ts'
import type { Broker } from '../../src/model.ts'
import type { Authority } from '../support/authority.ts'
import { createAuthority } from '../support/authority.ts'
import { partsFor } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Mosquitto } from '../support/mosquitto.ts'
import { freePort, startMosquitto } from '../support/mosquitto.ts'
import { startService } from '../support/service.ts'

interface Line {
  msg: string
  code?: string
  reason?: string
  retryInMs?: number
}

interface World {
  authority: Authority
  broker: Mosquitto
  /** Where TLS is; what comes there is watched. */
  url: string
  /** The first byte of each connection. */
  firstBytes: number[]
}

async function createWorld(...more: string[]): Promise<World> {
  const authority = await createAuthority()
  const { cert, key } = await authority.issue('server')
  const tlsPort = await freePort()
  const broker = await startMosquitto([
    `listener ${tlsPort} 127.0.0.1`,
    `certfile ${cert}`,
    `keyfile ${key}`,
    `cafile ${authority.ca}`,
    ...more
  ])
  const firstBytes: number[] = []
  const watch = createServer((socket) => {
    socket.once('data', (data: Buffer) => firstBytes.push(data[0]!))
    const upstream = connect(tlsPort, '127.0.0.1')
    socket.pipe(upstream).pipe(socket)
    for (const one of [socket, upstream])
      one.on('error', () => [socket, upstream].forEach((each) => each.destroy()))
  })
  watch.listen(0, '127.0.0.1')
  await once(watch, 'listening')
  atEnd(() => watch.close())
  const url = `mqtts://localhost:${(watch.address() as AddressInfo).port}`
  return { authority, broker, url, firstBytes }
}

async function startRialto(broker: Broker): Promise<{ app: App; lines: Line[] }> {
  const lines: Line[] = []
  const databaseUrl = await createDatabase()
  const app = await startApp({
    ...partsFor({
      mqttUrl: broker.url,
      databaseUrl,
      config: { broker },
      // So that what is made good is seen soon
      limits: { reconnectDelayMsMax: 1_000 }
    }),
    log: pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as Line) })
  })
  atEnd(() => app.close())
  return { app, lines }
}

interface MqttStatus {
  state: string
  lastError: string | null
  lastErrorCode: string | null
}

async function statusOf(app: App): Promise<MqttStatus> {
  const answer = await fetch(`${app.url}/v1/status`)
  return ((await answer.json()) as { mqtt: MqttStatus }).mqtt
}

const connected = (app: App) =>
  eventually(async () => (await statusOf(app)).state === 'connected', { what: 'connected', withinMs: 60_000 })

const failed = (app: App, code: string) =>
  eventually(
    async () => {
      const status = await statusOf(app)
      return status.state === 'connecting' && status.lastErrorCode === code ? status : null
    },
    { what: code, withinMs: 60_000 }
  )

/** A message comes through, from a client that needs no certificate. */
async function flows(app: App, broker: Mosquitto): Promise<void> {
  const before = app.stats.stored
  const client = await mqtt.connectAsync(broker.url)
  await client.publishAsync('plant/a', 'x', { qos: 1 })
  await client.endAsync()
  await eventually(() => app.stats.stored > before, { what: 'the message is stored' })
}

/** Every attempt spoke TLS from its first byte: ClientHello is in a record of the type 22 (RFC 8446 section 5.1). */
function onlyTls({ firstBytes }: World): void {
  assert.ok(firstBytes.length > 0)
  assert.deepEqual([...new Set(firstBytes)], [22])
}

const faults: Array<[what: string, code: string, breakIt: (authority: Authority) => Promise<unknown>]> = [
  ['expired', 'certificate_expired', (authority) => authority.issue('server', { clock: '-10d' })],
  ['not yet valid', 'certificate_not_yet_valid', (authority) => authority.issue('server', { clock: '+10d' })],
  [
    'for another host',
    'certificate_wrong_host',
    (authority) => authority.issue('server', { host: 'other.example' })
  ],
  [
    'of an authority that is not known',
    'certificate_unknown_authority',
    async ({ directory }) => {
      const { cert, key } = await (await createAuthority()).issue('server')
      await copyFile(cert, join(directory, 'server.pem'))
      await copyFile(key, join(directory, 'server.key'))
    }
  ]
]

test('F37 the broker’s certificate: no connection, a code, what to do, longer and longer waits; and back by itself', async (t) => {
  const world = await createWorld()
  const { authority, broker, url } = world
  const { app, lines } = await startRialto({ url, caFile: authority.ca })
  await connected(app)
  await flows(app, broker)
  for (const [what, code, breakIt] of faults) {
    await t.test(what, async () => {
      lines.length = 0
      await broker.shutDown()
      await breakIt(authority)
      await broker.start()
      const { lastError } = await failed(app, code)
      assert.match(lastError!, /: (renew|correct|use|name)/)
      const said = await eventually(
        () => {
          const those = lines.filter(
            (line) => line.msg === 'Not connected to the broker' && line.code === code
          )
          return those.length > 2 ? those : null
        },
        { what: 'it is said again and again', withinMs: 30_000 }
      )
      assert.equal(said[0]!.reason, lastError)
      const waits = said.map(({ retryInMs }) => retryInMs!)
      for (const [at, wait] of waits.slice(1).entries())
        assert.ok(wait >= Math.min(waits[at]!, 750), String(waits))
      assert.equal((await fetch(`${app.url}/readyz`)).status, 503)
      const versions = lines.filter(({ msg }) => msg.includes('3.1.1'))
      assert.deepEqual(versions, [], 'the version of MQTT is not in doubt')
      // Renewed at the broker
      await broker.shutDown()
      await authority.issue('server')
      await broker.start()
      await connected(app)
      assert.deepEqual([(await statusOf(app)).lastErrorCode, (await statusOf(app)).lastError], [null, null])
      await flows(app, broker)
    })
  }
  onlyTls(world)
})

test('F37 the authority is another: its file is replaced, and the next connection takes it', async () => {
  const world = await createWorld()
  const { authority, broker, url } = world
  const stranger = await createAuthority()
  const caFile = join(authority.directory, 'trusted.pem')
  await copyFile(stranger.ca, caFile)
  const { app } = await startRialto({ url, caFile })
  await failed(app, 'certificate_unknown_authority')
  await writeFile(caFile, 'half a file')
  const { lastError } = await failed(app, 'certificate_file_unusable')
  assert.match(lastError!, /MQTT_CA holds no certificate/)
  await copyFile(authority.ca, caFile)
  await connected(app)
  await flows(app, broker)
  onlyTls(world)
})

test('F37 our certificate: refused when expired or of a stranger, taken once it is replaced', async () => {
  const world = await createWorld('require_certificate true')
  const { authority, broker, url } = world
  const { cert, key } = await authority.issue('client', { clock: '-10d' })
  const { app } = await startRialto({ url, caFile: authority.ca, certFile: cert, keyFile: key })
  await failed(app, 'client_certificate_refused')
  const stranger = await (await createAuthority()).issue('client')
  await copyFile(stranger.cert, cert)
  const { lastError } = await failed(app, 'certificate_file_unusable')
  assert.match(lastError!, /MQTT_KEY holds the private key of another/)
  await copyFile(stranger.key, key)
  await failed(app, 'client_certificate_refused')
  await authority.issue('client')
  await connected(app)
  await flows(app, broker)
  onlyTls(world)
})

test('F37 time goes past notAfter: the connection stays, the next is refused, until the broker has another', async () => {
  const world = await createWorld()
  const { authority, broker, url } = world
  const clock = join(authority.directory, 'clock')
  await writeFile(clock, '+0d\n')
  const service = await startService({
    MQTT_URL: url,
    MQTT_CA: authority.ca,
    DATABASE_URL: await createDatabase(),
    LD_PRELOAD: `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`,
    FAKETIME_TIMESTAMP_FILE: clock,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1'
  })
  const app = { url: service.url } as App
  await connected(app)
  await writeFile(clock, '+2d\n')
  await eventually(
    async () => Date.parse((await fetch(`${app.url}/livez`)).headers.get('date')!) > Date.now() + 86_400_000,
    { what: 'the service lives in two days' }
  )
  assert.equal((await statusOf(app)).state, 'connected')
  await broker.shutDown()
  await broker.start()
  await failed(app, 'certificate_expired')
  await broker.shutDown()
  await authority.issue('server', { clock: '+2d' })
  await broker.start()
  await connected(app)
  onlyTls(world)
  assert.doesNotMatch(service.output(), /PRIVATE KEY/)
  await service.kill('SIGTERM')
})

test('the service by https: its banner says so, a renewed certificate is shown, and a pair that does not fit stops the start', async () => {
  const authority = await createAuthority()
  const broker = await startMosquitto()
  const { cert, key } = await authority.issue('rest')
  const environment = {
    MQTT_URL: broker.url,
    DATABASE_URL: await createDatabase(),
    RIALTO_TLS_CERT_FILE: cert,
    RIALTO_TLS_KEY_FILE: key
  }
  const service = await startService(environment)
  assert.match(service.url, /^https:/)
  const { port } = new URL(service.url)
  const ca = await readFile(authority.ca)
  const shown = async (): Promise<string> => {
    const socket = connectTls({ host: '127.0.0.1', port: Number(port), servername: 'localhost', ca })
    await once(socket, 'secureConnect')
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }
  const socket = new WebSocket(`wss://localhost:${port}/graphql`, 'graphql-transport-ws', {
    ca,
    headers: { host: `localhost:${port}` },
    lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])
  })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init' }))
  const [acknowledged] = (await once(socket, 'message')) as [Buffer]
  assert.equal((JSON.parse(acknowledged.toString()) as { type: string }).type, 'connection_ack')
  socket.close()
  const before = await shown()
  await authority.issue('rest')
  await eventually(async () => (await shown()) !== before, { what: 'the renewed one is shown' })
  assert.equal(await service.kill('SIGTERM'), 0)
  const { key: other } = await authority.issue('other')
  await assert.rejects(
    startService({ ...environment, RIALTO_TLS_KEY_FILE: other }),
    /Cannot start: RIALTO_TLS_KEY_FILE holds the private key of another certificate; give the key/
  )
})
