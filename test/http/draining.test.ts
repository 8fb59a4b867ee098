/** An instance that is about to end: load balancers are told, another one goes on, and what is asked is still answered. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'

test('an instance that drains is not ready, hands over, and answers until it ends', async () => {
  const broker = await startBroker()
  const first = await startBridge({ mqttUrl: broker.url })
  const second = await startBridge({ mqttUrl: broker.url, databaseUrl: first.databaseUrl })
  const leads = async (url: string): Promise<boolean> => (await request(`${url}/v1/status`)).body.leading
  assert.ok(await leads(first.url))
  const stream = await openSse(`${first.url}/v1/stream`)
  const { client } = await connectClient(broker.url)

  await first.drain()
  const ready = await request(`${first.url}/readyz`)
  assert.deepEqual([ready.status, ready.body.code], [503, 'shutting_down'])
  assert.equal(ready.headers.get('connection'), 'close')
  assert.equal((await request(`${first.url}/livez`)).status, 200)
  await eventually(() => leads(second.url), { what: 'the other one leads' })
  assert.equal(await leads(first.url), false)

  // What the other one stores comes here; what is accepted here, the other one publishes
  await client.publishAsync('a/b', '1', { qos: 1 })
  await stream.find('message', ({ message }) => message.topic === 'a/b')
  assert.equal((await request(`${first.url}/v1/topics/a%2Fb`)).status, 200)
  const accepted = await postJson(
    `${first.url}/v1/commands`,
    { topic: 'c', payload: 1 },
    { prefer: 'wait=30' }
  )
  assert.equal(accepted.body.state, 'published', JSON.stringify(accepted.body))
  assert.equal(accepted.headers.get('connection'), 'close')

  await first.close()
  await stream.ended
  await assert.rejects(fetch(`${first.url}/livez`))
  assert.equal((await request(`${second.url}/readyz`)).status, 200)
  await client.endAsync(true)
})
