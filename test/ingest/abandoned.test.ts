import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { graphql, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'

test('QoS 0 messages held by an instance that is overtaken are a gap with their number', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url, config: { filters: ['t'] } })
  const { client } = await connectClient(broker.url)
  const blocker = new pg.Client({ connectionString: app.databaseUrl })
  await blocker.connect()
  await blocker.query('begin; update sessions set epoch = epoch + 1')
  const begun = Date.now()
  for (let index = 0; index < 7; index++) await client.publishAsync('t', String(index), { qos: 0 })
  await client.publishAsync('t', 'sent again', { qos: 1 })
  await eventually(() => app.stats.held === 8)
  await blocker.query('commit')
  await blocker.end()
  const gap = await eventually(async () => {
    const { body } = await request(`${app.url}/v1/gaps`)
    return body.items.find((item: { cause: string }) => item.cause === 'abandoned')
  })
  assert.equal(gap.messages, 7)
  assert.ok(Date.parse(gap.from) >= begun && gap.from < gap.to, `${gap.from} to ${gap.to}`)
  const status = await request(`${app.url}/v1/status`)
  assert.deepEqual(status.body.lastGap, gap)
  const { status: fromGraphql } = await graphql(app.url, '{ status { lastGap { seq cause messages } } }')
  assert.deepEqual(fromGraphql.lastGap, { seq: gap.seq, cause: 'abandoned', messages: 7 })
  const { body: metrics } = await request(`${app.url}/metrics`)
  assert.match(metrics, /^rialto_gaps_total\{cause="abandoned"\} 1$/m)
  assert.equal(app.stats.abandonedQos0, 7)
  assert.equal(app.stats.fenced, 1)
  // It takes the lease again, and gets from the broker what it never acknowledged
  await eventually(
    async () => (await request(`${app.url}/v1/topic?name=t`)).body.payloadText === 'sent again'
  )
  const { received, stored, duplicates, confirmed, leftToOther, held, abandoned } = app.stats
  assert.equal(received, stored + duplicates + confirmed + leftToOther + held + abandoned)
})
