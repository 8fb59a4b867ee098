/** docs/batches.md is true: its requests are sent, one after another, and answered as it says; its bounds are those of the code. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { adopted } from '../support/adopted.ts'
import type { Answer } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

const text = await readFile(new URL('../../docs/batches.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```http\n(.*?)^```\n+```json\n(.*?)^```/gms)].map(
  ([, asked, answered]) => ({ asked: asked!, answered: answered! })
)

const mappings = `
mappings:
  - name: presses
    topic: presses/{device}/state
    decoder: json
    commands:
      - name: restart
        topic: presses/{device}/restart
        responseTopic: presses/{device}/done
        ok: eq(payload/ok,true)
  - name: gates
    topic: gates/{device}/state
    decoder: json
`
const broker = await startBroker()
const app = await startBridge({
  mqttUrl: broker.url,
  config: { mappingsFile: await mappingFile(mappings), mappingsFileGiven: true }
})
const { url } = app
await adopted(app)

/** Presses do as they are told, and say so; but for the third one. */
const { client } = await connectClient(broker.url)
await client.subscribeAsync('presses/+/restart', { qos: 1 })
client.on('message', (topic, _payload, { properties }) => {
  const { responseTopic, correlationData } = properties ?? {}
  const ok = !topic.includes('press-3')
  client.publish(responseTopic!, JSON.stringify({ ok }), {
    qos: 1,
    properties: { correlationData: correlationData! }
  })
})
for (let n = 1; n <= 6; n++) await client.publishAsync(`presses/press-${n}/state`, '{"on":true}', { qos: 1 })
await client.publishAsync('gates/gate/state', '{"open":true}', { qos: 1 })
await eventually(async () => (await request(`${url}/v1/devices`)).body.items.length === 7, {
  what: 'the devices are known'
})

/** What `{name}` stands for. */
const names = new Map([['tomorrow', new Date(Date.now() + 86_400_000).toISOString()]])
const fill = (given: string): string =>
  given.replaceAll(/\{(\w+)\}/g, (whole, name: string) => names.get(name) ?? whole)

function send(asked: string): Promise<Answer> {
  const [head, body] = fill(asked).split('\n\n', 2)
  const [line, ...headers] = head!.trim().split('\n')
  const [method, target] = line!.split(' ')
  return request(`${url}${target}`, {
    method: method!,
    headers: {
      ...Object.fromEntries(headers.map((header) => header.split(': ') as [string, string])),
      ...(body !== undefined && { 'content-type': 'application/json' })
    },
    ...(body !== undefined && { body })
  })
}

/** All that is shown is there; a name that is met for the first time is for what is there. */
function has(answer: unknown, shown: unknown, at = ''): void {
  if (typeof shown === 'string') {
    const name = /^\{(\w+)\}$/.exec(shown)?.[1]
    if (name !== undefined && !names.has(name)) names.set(name, String(answer))
    return assert.equal(answer, fill(shown), at)
  }
  if (typeof shown !== 'object' || shown === null) return assert.equal(answer, shown, at)
  assert.ok(typeof answer === 'object' && answer !== null, `${at} is ${JSON.stringify(answer)}`)
  if (Array.isArray(shown)) assert.equal((answer as unknown[]).length, shown.length, at)
  for (const [name, value] of Object.entries(shown))
    has((answer as Record<string, unknown>)[name], value, `${at}/${name}`)
}

test('there is something to run', () => assert.ok(blocks.length >= 7))

for (const { asked, answered } of blocks) {
  test(asked.split('\n').filter(Boolean).join(' ').slice(0, 150), async () => {
    const isRead = asked.startsWith('GET')
    let last: unknown = null
    const fits = async (): Promise<boolean> => {
      const { status, body } = await send(asked)
      assert.ok(status < 300, JSON.stringify(body))
      last = body
      try {
        has(body, JSON.parse(answered))
      } catch (error) {
        if (isRead) return false // it is read until the devices have answered
        throw error
      }
      return true
    }
    await eventually(fits, { what: 'it is as shown' }).catch((error: unknown) => {
      throw new Error(JSON.stringify(last), { cause: error })
    })
  })
}

test('the bounds are those of the code', () => {
  const { batchDevicesMax, batchesOpenMax, batchRatePerSecondMin, batchRatePerSecondMax } = defaultLimits
  assert.equal(batchDevicesMax, 1_000)
  assert.match(text, /At most 1000 devices/)
  assert.equal(batchesOpenMax, 100)
  assert.match(text, /100 batches may be open/)
  assert.deepEqual([batchRatePerSecondMin, batchRatePerSecondMax], [0.01, 1_000])
  assert.match(text, /`ratePerSecond`, 0.01 to 1000/)
  assert.equal(defaultLimits.batchStopAfterDefault, 10)
  assert.match(text, /final, 10 if you do not say/)
})
