/**
 * Messages that look alike, some committed, some not, when the service is killed: what the broker then sends again must
 * not be taken for what is there already. Some brokers number anew on each connection.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { mosquitto, nats, rabbitmq } from '../support/known-brokers.ts'
import { connectClient } from '../support/mqtt.ts'
import { startService } from '../support/service.ts'

const each = 10

for (const known of [mosquitto, rabbitmq, nats]) {
  test(`${known.name}: ${each} committed, ${each} alike not committed when the service is killed, all there in the end`, async () => {
    const broker = await known.start()
    const url = await createDatabase()
    const start = () => startService({ DATABASE_URL: url, MQTT_URL: broker.url, RIALTO_TOPICS: 'alike' })
    const first = await start()
    await eventually(async () => (await fetch(`${first.url}/readyz`)).ok)
    const mqtt5 = known.able.versions.includes('5')
    const { client } = await connectClient(broker.url, { protocolVersion: mqtt5 ? 5 : 4 })
    const publish = async (): Promise<void> => {
      for (let index = 0; index < each; index++) await client.publishAsync('alike', 'on', { qos: 1 })
    }
    const stored = async (): Promise<number> =>
      Number(
        (
          await query<{ n: string }>(
            url,
            `select count(*) n from journal j join topics t on t.id = j.topic_id where name = 'alike'`
          )
        )[0]!.n
      )
    await publish()
    await eventually(async () => (await stored()) === each)

    // Nothing more is committed: somebody holds the head of the journal
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    let holding = true
    const release = async (): Promise<void> => {
      if (holding) await holder.end()
      holding = false
    }
    atEnd(release)
    await holder.query('begin; select from journal_head for update')
    await publish()
    await eventually(
      async () => (await (await fetch(`${first.url}/v1/status`)).json()).messages.held === each
    )
    await first.kill('SIGKILL')
    // Postgres would still carry out what it was sent
    await holder.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
    )
    await release()

    const second = await start()
    await eventually(async () => (await stored()) >= 2 * each, { what: 'all are stored' })
    // And none of them more than its broker allows: a repetition may be stored twice, but nothing else
    const { messages } = await (await fetch(`${second.url}/v1/status`)).json()
    assert.equal(messages.received, messages.stored + messages.duplicates + messages.confirmed)
    assert.equal(await stored(), 2 * each)
    await second.kill('SIGTERM')
  })
}
