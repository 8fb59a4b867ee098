/** docs/commands.md is true: its requests are sent, one after another, and answered as it says; its bounds are those of the code. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import type { Answer } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { connectClient } from '../support/mqtt.ts'

const text = await readFile(new URL('../../docs/commands.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```http\n(.*?)^```\n+```json\n(.*?)^```/gms)].map(
  ([, asked, answered]) => ({ asked: asked!, answered: answered! })
)

const broker = await startBroker()
const { url } = await startBridge({ mqttUrl: broker.url })

/** A lamp does as it is told, says so, and keeps its state retained; the one in the attic is silent. */
const lamp = await connectClient(broker.url)
await lamp.client.subscribeAsync('home/+/set', { qos: 1 })
lamp.client.on('message', (topic, payload, { properties }) => {
  if (topic !== 'home/lamp/set') return
  lamp.client.publish('home/lamp/state', payload, { qos: 1, retain: true })
  const { responseTopic, correlationData } = properties ?? {}
  if (responseTopic !== undefined && correlationData !== undefined)
    lamp.client.publish(responseTopic, '{"ok":true}', { qos: 1, properties: { correlationData } })
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

test('there is something to run', () => assert.ok(blocks.length >= 13))

for (const { asked, answered } of blocks) {
  test(asked.split('\n').filter(Boolean).join(' ').slice(0, 150), async () => {
    const { status, body } = await send(asked)
    const shown = JSON.parse(answered) as { status?: number }
    assert.ok(status < 300 || status === shown.status, JSON.stringify(body))
    has(body, shown)
  })
}

test('the bounds are those of the code', () => {
  const { waitSecondsMax, commandTimeoutSecondsDefault, commandTimeoutSecondsMax } = defaultLimits
  assert.deepEqual([waitSecondsMax, commandTimeoutSecondsDefault], [60, 60])
  assert.match(text, /within N seconds, 60 at most/)
  assert.match(text, /60 seconds by default, 30 days at most/)
  const { commandDelaySecondsMax, commandExpirySecondsMax, idempotencyKeyHours } = defaultLimits
  for (const seconds of [commandTimeoutSecondsMax, commandDelaySecondsMax, commandExpirySecondsMax])
    assert.equal(seconds, 30 * 86_400)
  assert.match(text, /at most 30 days from now/)
  assert.deepEqual([idempotencyKeyHours, defaultLimits.idempotencyKeyCharsMax], [24, 255])
  assert.match(text, /1 to 255 printable characters, of\s+your own and remembered for 24 hours/)
  assert.equal(defaultLimits.commandsPerRequestMax, 1_000)
  assert.match(text, /1 to 1000 of them/)
  assert.equal(defaultLimits.commandPayloadBytesMax, 10 * 1024 * 1024)
  assert.equal(defaultLimits.commandsOpenMax, 100_000)
  assert.match(text, /100,000 commands are not final/)
  assert.equal(defaultLimits.reservationSeconds, 30)
  assert.match(text, /for 30 seconds or until/)
  assert.deepEqual([defaultLimits.commandGraceMs, defaultLimits.commandLateSeconds], [5_000, 3_600])
  assert.match(text, /has stood for 5 seconds/)
  assert.match(text, /that comes within an hour/)
})
