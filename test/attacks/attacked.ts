/** The built service as one runs it on a network, what is asked of it while it is attacked, and what has to hold after. */

import assert from 'node:assert/strict'
import { canaries } from '../support/canaries.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'
import { watchLiveness, withoutMachine } from './liveness.ts'
import { keepResult } from './result.ts'
import type { Said } from './tool.ts'
import { cleaned, versionOf } from './tool.ts'

export const key = canaries.apiKey
export const authorization = `Bearer ${key}`

export interface Attack {
  name: string
  what: string
  /** A Debian package, or what else it is. */
  tool: { debian: string } | 'own'
  run(service: Service): Promise<Said>
  /** Throws if it found something; else says what it came to. */
  judge(said: Said): string
}

const broker = await startMosquitto()

export async function start(environment: Record<string, string> = {}): Promise<Service> {
  const service = await startService({
    MQTT_URL: broker.url,
    DATABASE_URL: await createDatabase(),
    RIALTO_API_KEY: key,
    RIALTO_CLIENT_ID: `attacked-${Math.random().toString(36).slice(2)}`,
    ...environment
  })
  if (!service.url.startsWith('https:')) {
    assert.equal((await fetch(`${service.url}/v1/topics`)).status, 401, 'nobody without a key')
    const { client } = await connectClient(broker.url)
    for (const value of [21, 21.5])
      await client.publishAsync('plant/line1/temperature', JSON.stringify({ value }), {
        qos: 1,
        retain: true
      })
    await client.endAsync()
    const read = async (): Promise<boolean> =>
      (await (await fetch(`${service.url}/v1/topics`, { headers: { authorization } })).text()).includes(
        'plant'
      )
    await eventually(read, { what: 'there is something to read' })
  }
  return service
}

/** Returns the slowest answer to whether it lives, without the machine's share, in milliseconds. */
export async function attack({ name, what, tool, run, judge }: Attack, service: Service): Promise<number> {
  const used = tool === 'own' ? 'test/attacks/flood.ts' : `${tool.debian} ${await versionOf(tool.debian)}`
  const liveness = await watchLiveness(service.url)
  const begun = performance.now()
  const said = await run(service)
  const took = Math.round((performance.now() - begun) / 1_000)
  const seen = await liveness.end()
  const text = cleaned(said.text, [key])
  assert.equal(service.child.exitCode ?? service.child.signalCode, null, service.output())
  const found = judge({ ...said, text })
  keepResult({ name, what, tool: used, seconds: took, found, ...seen }, text)
  assert.equal(seen.failed, 0, 'each question whether it lives is answered')
  assert.ok(seen.asked >= took, 'it was asked all the time')
  const slowest = withoutMachine(seen)
  if (service.url.startsWith('https:')) return slowest
  const metrics = await (await fetch(`${service.url}/metrics`, { headers: { authorization } })).text()
  const faults = metrics
    .split('\n')
    .filter((line) => /^rialto_http_request_duration_seconds_count.*"5\d\d"/.test(line))
  assert.deepEqual(faults, [], 'no answer was a fault of the service')
  assert.doesNotMatch(service.output(), /"level":(?:50|60|"error"|"fatal")/)
  assert.equal((await fetch(`${service.url}/v1/topics`, { headers: { authorization } })).status, 200)
  return slowest
}
