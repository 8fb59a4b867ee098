/**
 * Each convention through a real broker, with a simulated device, while all the others are on, too: what it tells is there
 * by REST; a command that is posted to the device by its name reaches it, and its answer or effect comes back; when its
 * connection breaks, it is offline.
 */

import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { conventions } from '../../src/conventions/conventions.ts'
import type { DatapointView, DeviceView, MetricView } from '../../src/device-views.ts'
import type { SimulatedDevice } from '../conventions/devices/device.ts'
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

async function obeys(app: App, { device, command }: SimulatedDevice): Promise<void> {
  const { name, parameters, shows } = command!
  const begun = await read<{ cursor: string }>(app, '/devices?limit=1')
  const { status, body } = await postJson(
    `${app.url}/v1/commands`,
    { device, name, payload: parameters },
    { prefer: 'wait=20' }
  )
  assert.equal(status, 200, JSON.stringify(body))
  assert.equal(body.state, 'published', JSON.stringify(body))
  assert.equal(body.retain, false)
  if ('metric' in shows) {
    await latest(app, device, shows.metric, (one) => same(one.latest?.value, shows.value))
    return
  }
  const response = await eventually(
    async () => {
      const { items } = await read<{ items: DatapointView[] }>(
        app,
        `/datapoints?device=${named(device)}&metric=response&order=desc&limit=1`
      )
      return items[0]
    },
    { what: `a response of ${device} after ${begun.cursor}` }
  )
  assert.equal(response.role, 'event')
  const { correlation, ok } = response.value as { correlation: string; ok: boolean | null }
  assert.equal(ok, shows.response.ok)
  // What the response names is what was sent
  const sent = `${body.topic} ${body.payloadText ?? ''} ${JSON.stringify(body.properties)} ${body.id}`
  assert.ok(
    sent.includes(correlation) || sent.replaceAll('-', '').includes(correlation),
    `${correlation} is not in ${sent}`
  )
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
