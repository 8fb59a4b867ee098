/** What was published as bytes is what /payload returns, whatever bytes, topic, QoS, flags and properties. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { App } from '../../src/app.ts'
import { request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import type { TestClient } from '../support/mqtt.ts'
import { connectClient } from '../support/mqtt.ts'

const full = process.env['FULL'] === '1'

let shared: Promise<{ app: App; client: TestClient['client'] }> | null = null
const start = () =>
  (shared ??= (async () => {
    const broker = await startMosquitto()
    const app = await startBridge({ mqttUrl: broker.url, config: { filters: ['p/#'] } })
    return { app, client: (await connectClient(broker.url)).client }
  })())

/** Text that Mosquitto takes: it refuses control characters and noncharacters, as it may [MQTT-1.5.4-3]. */
const text = (maxLength: number) =>
  fc
    .oneof(fc.string({ unit: 'binary', maxLength }), fc.string({ unit: 'binary-ascii', maxLength }))
    .map((any) => Array.from(any, keepLegal).join(''))

function keepLegal(character: string): string {
  const code = character.codePointAt(0)!
  const legal = code > 0x9f || (code > 0x1f && code < 0x7f)
  return legal && (code & 0xfffe) !== 0xfffe && !(code >= 0xfdd0 && code <= 0xfdef) ? character : ''
}

const message = fc.record({
  topic: text(60).map((any) => any.replaceAll(/[+#]/g, '/')),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 4_000, size: 'max' }),
    fc.json().map((json) => new Uint8Array(Buffer.from(json))),
    fc.string({ unit: 'binary' }).map((any) => new Uint8Array(Buffer.from(any)))
  ),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
  retain: fc.boolean(),
  properties: fc.record(
    {
      contentType: fc.oneof(
        text(20),
        fc.constantFrom('application/json', 'text/plain', 'application/octet-stream')
      ),
      payloadFormatIndicator: fc.boolean(),
      messageExpiryInterval: fc.integer({ min: 1_000, max: 4_294_967_295 }),
      responseTopic: text(20).map((any) => `r${any.replaceAll(/[+#]/g, '')}`),
      correlationData: fc.uint8Array({ maxLength: 100 }).map(Buffer.from),
      userProperties: fc.dictionary(text(8), fc.array(text(20), { minLength: 1, maxLength: 3 }), {
        maxKeys: 4
      })
    },
    { requiredKeys: [] }
  )
})

let number = 0

test('arbitrary bytes, topics, QoS, flags and properties', async () => {
  const { app, client } = await start()
  const property = fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 8 }), async (messages) => {
    const named = messages.map((one) => ({ ...one, topic: `p/${++number}/${one.topic}` }))
    await Promise.all(
      named.map(({ topic, payload, qos, retain, properties }) => {
        const { userProperties, ...others } = properties
        return client.publishAsync(topic, Buffer.from(payload), {
          qos,
          retain,
          properties: {
            ...others,
            ...(Object.keys(userProperties ?? {}).length > 0 && { userProperties: userProperties! })
          }
        })
      })
    )
    for (const one of named) await checkMessage(app, one)
  })
  await fc.assert(property, { numRuns: full ? 2_000 : 60, interruptAfterTimeLimit: full ? 600_000 : 60_000 })
})

async function checkMessage(
  app: App,
  sent: {
    topic: string
    payload: Uint8Array
    qos: number
    retain: boolean
    properties: Record<string, unknown>
  }
): Promise<void> {
  const url = `${app.url}/v1/topics/${encodeURIComponent(sent.topic)}`
  const { body } = await eventually(
    async () => {
      const answer = await request(url)
      return answer.status === 200 ? answer : null
    },
    { what: sent.topic }
  )
  const payload = Buffer.from(sent.payload)
  const bytes = await fetch(`${url}/payload`)
  assert.deepEqual(Buffer.from(await bytes.arrayBuffer()), payload)
  assert.equal(body.topic, sent.topic)
  assert.equal(body.payloadBase64, payload.toString('base64'))
  if (body.payloadText !== null) assert.deepEqual(Buffer.from(body.payloadText), payload)
  assert.deepEqual([body.qos, body.retain], [sent.qos, sent.retain])
  assert.equal(
    body.retained?.payloadBase64 ?? null,
    sent.retain && payload.length > 0 ? body.payloadBase64 : null
  )

  const { contentType, payloadFormatIndicator, messageExpiryInterval, responseTopic, correlationData } =
    sent.properties
  const given = body.properties ?? {}
  assert.equal(given.contentType ?? null, contentType ?? null)
  assert.equal(
    given.payloadFormatIndicator ?? null,
    payloadFormatIndicator === undefined ? null : Number(payloadFormatIndicator)
  )
  assert.equal(given.responseTopic ?? null, responseTopic ?? null)
  assert.equal(
    given.correlationData ?? null,
    correlationData === undefined ? null : (correlationData as Buffer).toString('base64')
  )
  // The broker counts it down while it holds the message [MQTT-3.3.2-6]
  if (messageExpiryInterval === undefined) assert.equal(given.messageExpiryInterval ?? null, null)
  else assert.ok(Math.abs(given.messageExpiryInterval - (messageExpiryInterval as number)) < 60)
  const pairs = Object.entries((sent.properties['userProperties'] ?? {}) as Record<string, string[]>).flatMap(
    ([name, values]) => values.map((value): [string, string] => [name, value])
  )
  assert.deepEqual((given.userProperties ?? []).map(String).toSorted(), pairs.map(String).toSorted())
}

test('from no bytes to 10 MB', async () => {
  const { app, client } = await start()
  const sizes = [0, 1, 65_535, 65_536, 1_000_000, 10_000_000]
  for (const [index, size] of sizes.entries()) {
    for (const payload of [randomBytes(size), Buffer.alloc(size, 'ü🦀\\"')]) {
      const sent = {
        topic: `p/size/${++number}`,
        payload,
        qos: (index % 2) + 1,
        retain: false,
        properties: {}
      }
      await client.publishAsync(sent.topic, payload, { qos: sent.qos as 1 | 2 })
      await checkMessage(app, sent)
    }
  }
})
