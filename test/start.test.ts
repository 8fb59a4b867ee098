/** `npm start` as a newcomer meets it: on embedded defaults, stopped by Ctrl-C, killed, started again. */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { request } from './support/bridge.ts'
import { eventually } from './support/eventually.ts'
import { connectClient } from './support/mqtt.ts'
import { bannerUrl, startService } from './support/service.ts'

const root = new URL('../', import.meta.url).pathname
const freePorts = { RIALTO_MQTT_PORT: '0', RIALTO_MQTT_WS_PORT: '0', LOG_LEVEL: 'info' }

/** Pid of the Postgres that works on the data directory. */
const postmaster = async (dataDir: string): Promise<number> =>
  Number((await readFile(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8')).split('\n')[0])

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function newDataDir(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'rialto-start-')), '.rialto')
}

test('first start, data, Ctrl-C, second start: everything is there, and nothing is left running', async (t) => {
  const dataDir = await newDataDir()
  const environment = { ...freePorts, RIALTO_DATA_DIR: dataDir }
  const first = await startService(environment)
  for (const path of ['/v1/topics', '/docs', '/graphiql', '/livez', '/metrics', '/openapi.yaml']) {
    assert.equal((await request(`${first.url}${path}`)).status, 200, path)
  }
  await eventually(async () => (await request(`${first.url}/readyz`)).status === 200)
  const { client } = await connectClient(bannerUrl(first.output(), 'mqtt'))
  await client.publishAsync('kept', 'yes', { qos: 1, retain: true })
  const overWebSocket = await connectClient(bannerUrl(first.output(), 'ws'))
  await overWebSocket.client.publishAsync('ws', 'too', { qos: 1 })
  await eventually(async () => (await request(`${first.url}/v1/topic?name=kept`)).status === 200)
  await eventually(async () => (await request(`${first.url}/v1/topic?name=ws`)).status === 200)
  await Promise.all([client.endAsync(), overWebSocket.client.endAsync()])
  const pid = await postmaster(dataDir)
  assert.equal(await first.kill('SIGINT'), 0)
  assert.equal(isAlive(pid), false)

  const password = await readFile(join(dataDir, 'postgres/password'), 'utf8')
  assert.ok(!first.output().includes(password), 'no secret on the terminal')
  const second = await startService(environment)
  t.diagnostic(`first start ${Math.round(first.startedInMs)} ms, second ${Math.round(second.startedInMs)} ms`)
  const state = await request(`${second.url}/v1/topic?name=kept`)
  assert.equal(state.body.retained.payloadText, 'yes')
  const again = await connectClient(bannerUrl(second.output(), 'mqtt'))
  await again.client.subscribeAsync('kept')
  await eventually(() => again.packets.find((packet) => packet.retain && packet.payload.toString() === 'yes'))
  await again.client.endAsync()
  assert.equal(await second.kill('SIGTERM'), 0)
})

test('kill -9 leaves no orphan, and the next start recovers', async () => {
  const dataDir = await newDataDir()
  const environment = { ...freePorts, RIALTO_DATA_DIR: dataDir }
  const first = await startService(environment)
  await eventually(async () => (await request(`${first.url}/readyz`)).status === 200)
  const { client } = await connectClient(bannerUrl(first.output(), 'mqtt'))
  for (let index = 0; index < 100; index++) await client.publishAsync(`t/${index}`, 'x', { qos: 1 })
  await eventually(
    async () => (await request(`${first.url}/v1/topics?filter=t/%23&limit=100`)).body.items.length === 100
  )
  const pid = await postmaster(dataDir)
  await client.endAsync(true)
  await first.kill('SIGKILL')
  await eventually(() => !isAlive(pid), { what: 'Postgres ends with its parent' })

  const second = await startService(environment)
  const page = await request(`${second.url}/v1/topics?filter=t/%23&limit=100`)
  assert.equal(page.body.items.length, 100)
  await second.kill('SIGINT')
})

test('the demo fleet publishes, and answers a command', async () => {
  const service = await startService(
    { ...freePorts, RIALTO_DATA_DIR: await newDataDir() },
    { arguments: ['--demo'] }
  )
  const target = `${service.url}/v1/topics/${encodeURIComponent('demo/lab/target')}`
  await eventually(async () => (await request(target)).body.payload === 21)
  const command = await request(`${service.url}/v1/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=10' },
    body: JSON.stringify({ topic: 'demo/lab/target/set', payload: 25 })
  })
  assert.equal(command.body.state, 'published')
  await eventually(async () => (await request(target)).body.retained?.payloadText === '25')
  await eventually(
    async () => (await request(`${service.url}/v1/topics?filter=demo/%2B/telemetry`)).body.items.length === 6
  )
  await service.kill('SIGINT')
})

test('a port that is taken: the embedded broker takes the next, the service says which variable to change', async () => {
  const one = await startService({ ...freePorts, RIALTO_DATA_DIR: await newDataDir() })
  const { port } = new URL(one.url)
  await assert.rejects(
    startService({ ...freePorts, PORT: port, RIALTO_DATA_DIR: await newDataDir() }),
    new RegExp(`PORT.*${port}|${port}.*PORT`, 's')
  )
  const mqttPort = new URL(bannerUrl(one.output(), 'mqtt')).port
  const other = await startService({
    ...freePorts,
    RIALTO_MQTT_PORT: mqttPort,
    RIALTO_DATA_DIR: await newDataDir()
  })
  assert.notEqual(new URL(bannerUrl(other.output(), 'mqtt')).port, mqttPort)
  assert.match(other.output(), new RegExp(mqttPort))
  await Promise.all([one.kill('SIGINT'), other.kill('SIGINT')])
})

test('two services on one data directory: the second says so and ends', async () => {
  const environment = { ...freePorts, RIALTO_DATA_DIR: await newDataDir() }
  const one = await startService(environment)
  await assert.rejects(startService(environment), /RIALTO_DATA_DIR/)
  assert.equal((await request(`${one.url}/livez`)).status, 200)
  await one.kill('SIGINT')
})

test('a wrong configuration stops the start with every variable, its fault and the fix', async () => {
  const { code, stderr } = await promisify(execFile)(process.execPath, [join(root, 'dist/main.js')], {
    env: {
      PATH: process.env['PATH'],
      HOST: '0.0.0.0',
      PORT: 'http',
      MQTT_URL: 'http://broker',
      RIALTO_RETENTION: '7 weeks'
    }
  }).then(
    ({ stderr: text }) => ({ code: 0, stderr: text }),
    (error: { code: number; stderr: string }) => error
  )
  assert.equal(code, 1)
  for (const variable of ['HOST', 'PORT', 'MQTT_URL', 'RIALTO_RETENTION', 'RIALTO_API_KEY'])
    assert.match(stderr, new RegExp(variable))
  assert.doesNotMatch(stderr, /at .*\.js:\d+/)
})

test('a Postgres that cannot be reached ends the start with an error that names the variable, and no secret', async () => {
  const environment = { ...freePorts, DATABASE_URL: 'postgres://rialto:hunter2@127.0.0.1:1/rialto' }
  await assert.rejects(startService(environment), (error: Error) => {
    assert.match(error.message, /^The service ended with 1/)
    assert.match(error.message, /DATABASE_URL/)
    assert.doesNotMatch(error.message, /hunter2/)
    return true
  })
})

test('npm start itself runs the service, and passes Ctrl-C on', async () => {
  await access(join(root, 'dist/main.js'))
  const dataDir = await newDataDir()
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    detached: true,
    env: { ...process.env, ...freePorts, PORT: '0', RIALTO_DATA_DIR: dataDir },
    stdio: ['ignore', 'pipe', 'ignore']
  })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  await eventually(() => output.includes('Ctrl-C stops everything'), { withinMs: 60_000 })
  const pid = await postmaster(dataDir)
  const ended = once(child, 'exit')
  process.kill(-child.pid!, 'SIGINT') // as a terminal does: to the whole group
  await ended
  await eventually(() => !isAlive(pid))
})
