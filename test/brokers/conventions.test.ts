/**
 * Each convention through a real broker, with a simulated device, while all the others are on, too: what it tells is there
 * by REST; a command that is posted to the device by its name reaches it, and succeeds by its answer or effect; one that it
 * says it will not do has failed, and one that it is silent to times out; when its connection breaks, it is offline.
 */

import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { conventions } from '../../src/conventions/conventions.ts'
import type { DatapointView, DeviceView, MetricView } from '../../src/device-views.ts'
import type { CommandView } from '../../src/command-views.ts'
import type { SimulatedDevice, Told } from '../conventions/devices/device.ts'
import { allNamed, devices, documentOf } from '../conventions/everything.ts'
import { adopted } from '../support/adopted.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { startMqttProxy } from '../support/mqtt-proxy.ts'

test('there is a simulated device of every convention', () => {
  assert.deepEqual([...devices.keys()].toSorted(), [...conventions.keys()].toSorted())
})

async function startAll(): Promise<{ app: App; port: number }> {
  const { url, port } = await startMosquitto()
  const directory = await mkdtemp(join(tmpdir(), 'rialto-conventions-'))
  for (const { files = {} } of allNamed)
    for (const [path, content] of Object.entries(files)) await writeFile(join(directory, path), content)
  const mappingsFile = join(directory, 'rialto.yaml')
  await writeFile(mappingsFile, documentOf(allNamed))
  const filters = [...new Set(allNamed.flatMap((device) => device.filters))]
  const app = await startBridge({ mqttUrl: url, config: { filters, mappingsFile, mappingsFileGiven: true } })
  await adopted(app)
  return { app, port }
}

let shared: ReturnType<typeof startAll> | null = null
const start = (): ReturnType<typeof startAll> => (shared ??= startAll())

for (const device of allNamed)
  test(`${device.convention}: tells, obeys, and is missed`, async () => {
    const { app, port } = await start()
    const proxy = await startMqttProxy({ port })
    atEnd(() => proxy.stop())
    const running = await device.start(proxy.url)
    try {
      await tells(app, device)
      if (device.command !== null) await obeys(app, device)
      if (device.refuses !== null) await refuses(app, device, device.refuses)
      if (device.ignores !== null) await ignores(app, device, device.ignores)
      if (device.takesOn !== undefined) await takesOn(app, device, device.takesOn)
      if (device.presence !== null) await isPresent(app, device, device.presence)
      // Its network is gone: the broker publishes its will [MQTT-3.1.2-8]
      await proxy.stop()
      if (device.presenceWhenBroken !== null) await isPresent(app, device, device.presenceWhenBroken)
    } finally {
      await running.end()
    }
  })

async function read<T>(app: App, path: string): Promise<T> {
  const { status, body } = await request(`${app.url}/v1${path}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as T
}

const named = (device: string): string => encodeURIComponent(device)

async function tells(app: App, { device, tells: expected }: SimulatedDevice): Promise<void> {
  for (const { metric, value, unit } of expected) {
    const found = await latest(app, device, metric, (one) => same(one.latest?.value, value))
    if (unit !== undefined) assert.equal(found.unit, unit, metric)
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The metric, when it is so; else the test fails with what it is. */
async function latest(
  app: App,
  device: string,
  metric: string,
  isIt: (view: MetricView) => boolean
): Promise<MetricView> {
  let seen: MetricView[] = []
  return eventually(
    async () => {
      const { items } = await read<{ items: MetricView[] }>(
        app,
        `/devices/${named(device)}/metrics?limit=1000`
      )
      seen = items
      const found = items.find((one) => one.metric === metric)
      return found !== undefined && isIt(found) && found
    },
    { what: `${metric} of ${device}` }
  ).catch((error: unknown) => {
    const shown = seen.map((one) => `${one.metric} ${JSON.stringify(one.latest?.value)}`)
    throw new Error(`${device} has\n${shown.join('\n')}`, { cause: error })
  })
}

interface Sent {
  /** What is posted beside device, name and payload. */
  asks?: Record<string, unknown>
}

/** The command as it is when it is final. */
async function send(
  app: App,
  { device }: SimulatedDevice,
  told: Told,
  { asks = {} }: Sent = {}
): Promise<CommandView> {
  const { status, body } = await postJson(
    `${app.url}/v1/commands`,
    { device: told.device ?? device, name: told.name, payload: told.parameters, ...asks },
    { prefer: 'wait=30' }
  )
  assert.equal(status, 200, JSON.stringify(body))
  const command = body as CommandView
  assert.deepEqual([command.final, command.retain], [true, false], JSON.stringify(command))
  return command
}

async function obeys(app: App, simulated: SimulatedDevice): Promise<void> {
  const { device, command } = simulated
  const { shows } = command!
  const sent = await send(app, simulated, command!)
  assert.equal(sent.state, 'succeeded', JSON.stringify(sent))
  if ('metric' in shows) {
    assert.deepEqual([sent.awaits, sent.response], ['effect', null])
    const proof = await datapointOf(app, device, shows.metric, sent.effectSeq!)
    assert.ok(same(proof.value, shows.value), `${sent.effectSeq}: ${JSON.stringify(proof)}`)
    await latest(app, device, shows.metric, (one) => same(one.latest?.value, shows.value))
    return
  }
  assert.deepEqual([sent.awaits, sent.effectSeq], ['response', null])
  const response = await datapointOf(app, device, 'response', sent.response!.seq)
  assert.deepEqual([response.role, response.topic], ['event', sent.response!.topic])
  const { correlation, ok } = response.value as { correlation: string; ok: boolean | null }
  assert.equal(ok, shows.response.ok)
  // What the response names is what was sent
  const said = `${sent.topic} ${sent.payloadText ?? ''} ${JSON.stringify(sent.properties)} ${sent.id}`
  assert.ok(
    said.includes(correlation) || said.replaceAll('-', '').includes(correlation),
    `${correlation} is not in ${said}`
  )
}

/** The datapoint that a fact brought; the newest are looked at. */
async function datapointOf(app: App, device: string, metric: string, seq: string): Promise<DatapointView> {
  const { items } = await read<{ items: DatapointView[] }>(
    app,
    `/datapoints?device=${named(device)}&metric=${encodeURIComponent(metric)}&order=desc&limit=20`
  )
  const found = items.find((one) => one.seq === seq)
  assert.ok(
    found !== undefined,
    `${metric} of ${device} has no datapoint of ${seq}: ${JSON.stringify(items)}`
  )
  return found
}

async function refuses(
  app: App,
  simulated: SimulatedDevice,
  told: NonNullable<SimulatedDevice['refuses']>
): Promise<void> {
  const sent = await send(app, simulated, told)
  assert.equal(sent.state, 'failed', JSON.stringify(sent))
  const response = await datapointOf(app, told.device ?? simulated.device, 'response', sent.response!.seq)
  const { ok, detail } = response.value as { ok: boolean; detail: string }
  assert.equal(ok, false)
  assert.match(detail, told.reason)
}

async function ignores(app: App, simulated: SimulatedDevice, told: Told): Promise<void> {
  const sent = await send(app, simulated, told, { asks: { timeoutSeconds: 1 } })
  assert.deepEqual(
    [sent.state, sent.response, sent.effectSeq],
    ['timedOut', null, null],
    JSON.stringify(sent)
  )
}

/** It is not done, and whoever wants to know no more than that it was received may ask for that. */
async function takesOn(app: App, simulated: SimulatedDevice, told: Told): Promise<void> {
  const sent = await send(app, simulated, told, { asks: { awaits: 'response' } })
  assert.equal(sent.state, 'succeeded', JSON.stringify(sent))
  const proof = sent.effectSeq ?? sent.response?.seq
  assert.ok(proof !== undefined, JSON.stringify(sent))
}

const isPresent = (app: App, { device }: SimulatedDevice, presence: string): Promise<unknown> =>
  eventually(async () => (await read<DeviceView>(app, `/devices/${named(device)}`)).presence === presence, {
    what: `${device} is ${presence}`
  })

test('nothing was refused of what the devices said', async () => {
  const { app } = await start()
  const { items } = await read<{ items: Array<{ topic: string; reason: string; detail: string }> }>(
    app,
    '/rejections?limit=100'
  )
  assert.deepEqual(items, [])
})
