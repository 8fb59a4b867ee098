/** Who may not command a topic learns nothing of it, and publishes nothing, whatever is written, and on whatever condition. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowed } from './grants-model.ts'
import type { Answer } from '../support/bridge.ts'
import { request } from '../support/bridge.ts'
import { connectClient } from '../support/mqtt.ts'
import { createAsking, createOracle, encoded } from './fuzz-context.ts'
import { someRights } from './fuzz-asks.ts'
import { told } from './fuzz-topics.ts'
import { startWorld } from './world.ts'

const full = process.env['FULL'] === '1'

type Send = (method: string, path: string, body: unknown) => Promise<Answer>

/** What is for administrators is refused alike, also where the topic or the device may be read, or is not there. */
async function mayNotAdminister(send: Send, topic: string, device: string): Promise<void> {
  const refuse = async (method: string, path: string, body: unknown = null): Promise<unknown> => {
    const answer = await send(method, path, body)
    assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'], `${method} ${path}`)
    return answer.body.detail
  }
  for (const [one, other] of [
    [`topics/${encoded(topic)}`, 'topics/never'],
    [`topic?name=${encoded(topic)}`, 'topic?name=never'],
    [`devices/${encoded(device)}`, 'devices/never'],
    [`device?name=${encoded(device)}`, 'device?name=never']
  ] as const)
    assert.equal(await refuse('DELETE', one), await refuse('DELETE', other))
  await refuse('POST', 'mappings/reload', {})
  await refuse('POST', 'rejections/redrive', { filters: ['#'] })
  await refuse('POST', 'keys', { name: 'mine', grants: [{ role: 'admin' }] })
}

test('what may not be commanded is refused alike, there or not, and nothing is published', async () => {
  const world = await startWorld()
  const oracle = createOracle(world)
  const { client, packets } = await connectClient(world.mqttUrl)
  await client.subscribeAsync(['#', '$demo/#', '$other/#'], { qos: 1, rh: 2 })
  const states = new Map(
    (await oracle.walk('topics')).map(({ topic, seq }) => [topic as string, seq as string])
  )
  let refused = 0
  for (const one of someRights(world, 5, full ? 500 : 40)) {
    const { rights } = one
    const asking = createAsking(oracle, world.url, one, { asked: 0, told: 0 })
    const send = async (method: string, path: string, body: unknown, more = {}): Promise<Answer> => {
      const headers = { 'content-type': 'application/json', ...asking.headers, ...more }
      return request(`${world.url}/v1/${path}`, {
        method,
        headers,
        ...(body !== null && { body: JSON.stringify(body) })
      })
    }
    const topic = asking.pick([...world.topics].filter((name) => !name.startsWith('$')))
    if (allowed(rights, 'command', topic) || allowed(rights, 'command', 'never/there')) continue
    const condition = asking.pick([
      {},
      { 'if-match': '*' },
      { 'if-none-match': '*' },
      { 'if-match': `"${states.get(topic)}"` }
    ])
    const ways: Array<(name: string) => Promise<Answer>> = [
      (name) => send('POST', 'commands', { topic: name, payload: 1 }, condition),
      (name) => send('PUT', `topics/${encoded(name)}/retained`, 1, condition),
      (name) => send('DELETE', `topics/${encoded(name)}/retained`, null, condition),
      (name) => send('PUT', `topic/retained?name=${encoded(name)}`, 1, condition),
      (name) => send('POST', 'commands', { topic: name, payload: 1, awaits: 'response' })
    ]
    const way = asking.pick(ways)
    const [answer, missing] = [await way(topic), await way('never/there')]
    // Only the name that was asked for is another
    const text = (one: Answer, name: string): string =>
      JSON.stringify(told(one)).replaceAll(new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'g'), 'NAME')
    // Who may read a topic may be told that a condition is theirs to set
    if (asking.may(topic) === asking.may('never/there'))
      assert.equal(JSON.stringify(told(answer)), JSON.stringify(told(missing)), JSON.stringify(rights))
    assert.ok([403, 404].includes(answer.status), `${answer.status} ${JSON.stringify(rights)}`)
    refused++
    await mayNotAdminister(send, topic, asking.pick(world.devices))
    // By the name of a device that may not be commanded, nor read
    const device = asking.pick(world.devices)
    const command = (name: string): Promise<Answer> =>
      send('POST', 'commands', { device: name, name: 'set', payload: { to: 1 } })
    const known = (await oracle.walk('devices')).find(({ device: name }) => name === device)!
    if (asking.may(known['topic'])) continue
    assert.equal(text(await command(device), device), text(await command('never'), 'never'), device)
    const batch = (name: string): Promise<Answer> =>
      send('POST', 'batches', { devices: [name], name: 'set', payload: { to: 1 } })
    assert.equal(text(await batch(device), device), text(await batch('never'), 'never'), device)
  }
  assert.ok(refused > 10, `${refused} were refused`)
  const { topics, devices } = world
  const left = await request(`${world.url}/v1/topics?limit=1000`)
  assert.ok(topics.every((topic) => left.body.items.some((item: { topic: string }) => item.topic === topic)))
  const known = await request(`${world.url}/v1/devices?limit=1000`)
  assert.equal(known.body.items.length, devices.length)
  const mark = 'mark/of/writes'
  await client.publishAsync(mark, '1', { qos: 1 })
  const isOurs = (name: string): boolean => name !== mark && !name.startsWith('rialto/')
  assert.deepEqual(
    packets.filter((packet) => isOurs(packet.topic)),
    []
  )
})
