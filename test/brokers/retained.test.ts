/** What is cleared while we are away, on each broker: gone where that can be known, and said where it cannot. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { mosquitto, nats, rabbitmq } from '../support/known-brokers.ts'
import { connectClient } from '../support/mqtt.ts'

for (const { name, able, start } of [mosquitto, nats, rabbitmq]) {
  const whole = able.retainedByWildcard
  test(`${name}: what is cleared while we are away ${whole ? 'is swept' : 'is not swept, and the status says why'}`, async () => {
    const broker = await start()
    const { client } = await connectClient(broker.url, {
      protocolVersion: able.versions.includes('5') ? 5 : 4
    })
    const retain = (topic: string, payload: string, qos: 0 | 1) =>
      client.publishAsync(topic, payload, { qos, retain: true })
    for (const topic of ['plant/gone', 'plant/stays', 'exact']) await retain(topic, 'kept', 1)
    const options = { mqttUrl: broker.url, config: { filters: ['plant/+', 'exact'] } }
    const first = await startBridge(options)
    const state = async (url: string, topic: string) => (await request(`${url}/v1/topic?name=${topic}`)).body
    // RabbitMQ replays for exact topics alone
    for (const topic of whole ? ['plant/gone', 'plant/stays', 'exact'] : ['exact'])
      await eventually(async () => (await state(first.url, topic)).retained?.payloadText === 'kept')
    await first.close()
    await retain('plant/gone', '', 0)
    await retain('exact', '', 0)
    await client.publishAsync('flush', '', { qos: 1 })

    const second = await startBridge({ ...options, databaseUrl: first.databaseUrl })
    const snapshot = async () => (await request(`${second.url}/v1/status`)).body.mqtt.snapshot
    await eventually(async () => (await snapshot()).state === (whole ? 'known' : 'incomplete'))
    if (whole) {
      for (const topic of ['plant/gone', 'exact']) {
        const gone = await state(second.url, topic)
        assert.deepEqual(
          [gone.retained, gone.tombstone?.cause, gone.payloadText, gone.retainedStatus],
          [null, 'reconciled', 'kept', 'known']
        )
      }
      const stays = await state(second.url, 'plant/stays')
      assert.deepEqual(
        [stays.retained.payloadText, stays.retainedStatus, stays.tombstone],
        ['kept', 'known', null]
      )
      assert.equal(second.stats.swept, 2)
    } else {
      assert.match((await snapshot()).reason, /through a wildcard/)
      const { retained, tombstone } = await state(second.url, 'exact')
      assert.deepEqual([retained.payloadText, tombstone], ['kept', null])
      assert.equal(second.stats.swept, 0)
    }
  })
}
