/** Spans as a collector gets them by OTLP over HTTP: one command, one trace, whoever does which part of it. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { test } from 'node:test'
import { startApp } from '../../src/app.ts'
import { openTracing } from '../../src/tracing/tracing.ts'
import { partsFor, postJson, request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, silent } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

interface Span {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  startTimeUnixNano: string
  endTimeUnixNano: string
}
interface Export {
  resourceSpans: Array<{
    resource: { attributes: Array<{ key: string; value: { stringValue?: string } }> }
    scopeSpans: Array<{ spans: Span[] }>
  }>
}

const spans: Array<Span & { service: string }> = []
const collector = createServer((incoming, answer) => {
  void json(incoming).then((body) => {
    for (const { resource, scopeSpans } of (body as Export).resourceSpans) {
      const { value } = resource.attributes.find(({ key }) => key === 'service.name')!
      for (const scope of scopeSpans)
        spans.push(...scope.spans.map((span) => ({ ...span, service: value.stringValue! })))
    }
    answer.setHeader('content-type', 'application/json').end('{}')
  })
})
collector.listen(0, '127.0.0.1')
await once(collector, 'listening')
atEnd(() => void collector.close())
const { port } = collector.address() as { port: number }
// The exporter reads them itself
process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = `http://127.0.0.1:${port}`
process.env['OTEL_BSP_SCHEDULE_DELAY'] = '50'

async function start(name: string, mqttUrl: string, databaseUrl: string) {
  const tracing = await openTracing({ ...process.env, OTEL_SERVICE_NAME: name }, silent)
  assert.ok(tracing)
  const app = await startApp({ ...partsFor({ mqttUrl, databaseUrl }), tracing })
  let closed = false
  const close = async (): Promise<void> => {
    if (closed) return
    closed = true
    await app.close()
    await tracing.close()
  }
  atEnd(close)
  return { url: app.url, close }
}

const parent = '00f067aa0ba902b7'
let traces = 0
const newTrace = (): string => String(++traces).padStart(32, 'b')
const send = (url: string, body: object, traceId: string, flags = '01') =>
  postJson(`${url}/v1/commands`, body, { traceparent: `00-${traceId}-${parent}-${flags}` })

/** When the command's own span is there, which is the last one. */
const ofTrace = (traceId: string): Promise<Array<Span & { service: string }>> =>
  eventually(() => {
    const all = spans.filter((span) => span.traceId === traceId)
    const names = all.map(({ name }) => name)
    return names.includes('command') && names.includes('POST /v1/commands') && all
  })

function checkLinks(all: readonly Span[]): void {
  const root = all.find(({ name }) => name === 'POST /v1/commands')!
  assert.equal(root.parentSpanId, parent)
  for (const span of all) {
    if (span !== root) assert.equal(span.parentSpanId, root.spanId, span.name)
    assert.ok(BigInt(span.startTimeUnixNano) <= BigInt(span.endTimeUnixNano), span.name)
  }
}

const namesOf = (all: readonly Span[]): string[] => all.map(({ name }) => name).toSorted()

test('a command that is answered has six spans of one trace, and the device knows it', async () => {
  const broker = await startBroker()
  const { url, close } = await start('one', broker.url, await createDatabase())
  const device = await connectClient(broker.url)
  let carried: unknown
  device.client.on('message', (_topic, _payload, { properties }) => {
    carried = properties?.userProperties?.['traceparent']
    const topic = properties?.responseTopic
    if (topic === undefined) return
    device.client.publish(topic, '{}', {
      qos: 1,
      properties: { correlationData: properties!.correlationData! }
    })
  })
  await device.client.subscribeAsync('o/ask', { qos: 1 })
  const traceId = newTrace()
  const { body } = await send(url, { topic: 'o/ask', payload: 1, awaits: 'response' }, traceId)
  const all = await ofTrace(traceId)
  assert.deepEqual(namesOf(all), ['POST /v1/commands', 'accept', 'answer', 'command', 'publish', 'wait'])
  checkLinks(all)
  const root = all.find(({ name }) => name === 'POST /v1/commands')!
  assert.equal(body.traceparent, `00-${traceId}-${root.spanId}-01`)
  assert.equal(carried, body.traceparent)
  const unsampled = newTrace()
  const quiet = await send(url, { topic: 'o/ask', payload: 2 }, unsampled, '00')
  assert.match(quiet.body.traceparent, new RegExp(`^00-${unsampled}-[0-9a-f]{16}-00$`))
  await eventually(async () => (await request(`${url}/v1/commands/${quiet.body.id}`)).body.final)
  // What is sent at the latest when it closes
  await close()
  assert.equal(spans.filter((span) => span.traceId === unsampled).length, 0)
})

test('accepted by one process, and published by the next: one trace', async () => {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  const first = await start('first', broker.url, databaseUrl)
  await broker.stop()
  const traceId = newTrace()
  await send(first.url, { topic: 'o/later', payload: 1 }, traceId)
  await first.close()
  const again = await startBroker(broker)
  await start('second', again.url, databaseUrl)
  const all = await ofTrace(traceId)
  assert.deepEqual(namesOf(all), ['POST /v1/commands', 'accept', 'command', 'publish', 'wait'])
  checkLinks(all)
  const services = Object.fromEntries(all.map(({ name, service }) => [name, service]))
  assert.equal(services['POST /v1/commands'], 'first')
  for (const name of ['wait', 'publish', 'command']) assert.equal(services[name], 'second', name)
})

test('accepted by one instance, and published by the one that leads: one trace', async () => {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  const leading = await start('leading', broker.url, databaseUrl)
  await eventually(async () => (await request(`${leading.url}/readyz`)).status === 200)
  const other = await start('other', broker.url, databaseUrl)
  const traceId = newTrace()
  await send(other.url, { topic: 'o/there', payload: 1 }, traceId)
  const all = await ofTrace(traceId)
  assert.deepEqual(namesOf(all), ['POST /v1/commands', 'accept', 'command', 'publish', 'wait'])
  checkLinks(all)
  for (const { name, service } of all)
    assert.equal(service, name === 'POST /v1/commands' ? 'other' : 'leading', name)
})

test('without an endpoint there is none', async () => {
  assert.equal(await openTracing({}, silent), null)
  assert.equal(
    await openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x', OTEL_SDK_DISABLED: 'true' }, silent),
    null
  )
})
