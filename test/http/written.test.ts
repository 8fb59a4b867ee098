/** Two instances on one database: whatever is written through one is read through the other, with the cursor of the write. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer } from '../support/bridge.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { mappingFile } from '../support/projection.ts'

const broker = await startBroker()
const config = { mappingsFile: await mappingFile('automatic: true') }
const leader = await startBridge({ mqttUrl: broker.url, config })
const follower = await startBridge({ mqttUrl: broker.url, config, databaseUrl: leader.databaseUrl })
const [writing, reading] = [`${leader.url}/v1`, `${follower.url}/v1`]

/** Where a write is: it names a position, and a read of the other instance comes there. */
async function readBack(written: Answer, path: string): Promise<Answer> {
  assert.ok(written.status < 300, JSON.stringify(written.body))
  const cursor = written.headers.get('rialto-cursor')
  assert.ok(cursor, 'the write tells no position')
  return request(`${reading}/${path}${path.includes('?') ? '&' : '?'}min-cursor=${cursor}`)
}

test('a command, and several', async () => {
  const one = await postJson(`${writing}/commands`, { topic: 'w/one', payload: 1 })
  assert.equal((await readBack(one, `commands/${one.body.id}`)).body.topic, 'w/one')
  const done = await postJson(`${writing}/commands`, { topic: 'w/done', payload: 1 }, { prefer: 'wait=10' })
  assert.equal((await readBack(done, `commands/${done.body.id}`)).body.state, done.body.state)
  const many = await postJson(`${writing}/commands`, {
    commands: [{ topic: 'w/many', payload: 1 }, { topic: 'w/+' }]
  })
  assert.equal((await readBack(many, 'commands?topic=w/many')).body.items.length, 1)
  const none = await postJson(`${writing}/commands`, { commands: [{ topic: 'w/+' }] })
  assert.ok(none.headers.get('rialto-cursor'))
})

test('a retained message that is set, and cleared', async () => {
  for (const [method, body] of [
    ['PUT', 'x'],
    ['DELETE', null]
  ] as const) {
    const written = await request(`${writing}/topics/w%2Fretained/retained`, { method, body })
    assert.equal((await readBack(written, `commands/${written.body.id}`)).body.state, 'published')
  }
})

test('a device, through the instance that does not normalize', async () => {
  for (let at = 1; at <= 5; at++) {
    await postJson(
      `${writing}/commands`,
      { topic: 'plant/press/temperature', payload: at },
      { prefer: 'wait=10' }
    )
    const cursor = await eventually(async () => {
      const { body } = await request(`${writing}/messages?filter=plant/%23&limit=1`)
      return body.items[0]?.payload === at && body.cursor
    })
    const { body } = await request(`${reading}/devices/plant%2Fpress/metrics?min-cursor=${cursor}`)
    assert.equal(body.items[0].latest.value, at)
  }
})

test('waiting for a device, through the instance that does not normalize', async () => {
  const url = `${reading}/devices/plant%2Fpress/metrics`
  const etag = (await request(url)).headers.get('etag')!
  const answer = request(url, { headers: { 'if-none-match': etag, prefer: 'wait=30' } })
  await postJson(`${writing}/commands`, { topic: 'plant/press/temperature', payload: 99 })
  assert.equal((await answer).body.items[0].latest.value, 99)
})

test('a redrive, mappings that are read again, and what is forgotten', async () => {
  const redriven = await postJson(`${writing}/rejections/redrive`, {})
  assert.equal((await readBack(redriven, `rejections`)).status, 200)
  const reloaded = await postJson(`${writing}/mappings/reload`, {})
  assert.equal((await readBack(reloaded, `devices`)).status, 200)
  const device = await request(`${writing}/devices/plant%2Fpress`, { method: 'DELETE' })
  assert.equal((await readBack(device, 'devices/plant%2Fpress')).status, 404)
  const topic = await request(`${writing}/topics/w%2Fone`, { method: 'DELETE' })
  assert.equal((await readBack(topic, 'topics/w%2Fone')).status, 404)
})

test('a command that is cancelled', async () => {
  await broker.stop()
  await eventually(async () => !(await request(`${writing}/status`)).body.mqtt.publisherConnected)
  const { body } = await postJson(`${writing}/commands`, { topic: 'w/cancelled', payload: 1 })
  const cancelled = await eventually(async () => {
    const answer = await postJson(`${writing}/commands/${body.id}/cancel`, undefined)
    return answer.status === 200 && answer
  })
  assert.equal((await readBack(cancelled, `commands/${body.id}`)).body.state, 'cancelled')
})
