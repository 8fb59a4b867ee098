import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpParts } from '../../src/http/server.ts'
import { countRejection, createStats } from '../../src/stats.ts'
import { connected, createBareServer } from './server.ts'

const never = new Promise<never>(() => {})
const storeWith = (more: object): HttpParts['store'] =>
  ({
    healthy: () => true,
    ping: async () => {},
    schema: { newest: () => never },
    commands: { countOpen: () => never, countOpenByState: () => never },
    journal: { head: () => never },
    retention: { bytes: () => never },
    load: () => ({ connections: 0, idleConnections: 0, waitingForConnection: 1, waitingAppends: 0 }),
    commandQueue: { oldestSeconds: () => never },
    webhooks: { lag: () => never },
    ...more
  }) as never
const connecting = { ...connected, mqtt: { ...connected.mqtt, state: 'connecting', lastError: 'refused' } }

for (const [what, parts, status, reasons] of [
  ['everything is there', {}, 200, undefined],
  ['the broker is away', { status: () => connecting }, 503, ['mqtt']],
  [
    'the broker is away, and another instance receives',
    { status: () => ({ ...connecting, leading: false }) },
    200,
    undefined
  ],
  ['the database takes no appends', { store: storeWith({ healthy: () => false }) }, 503, ['database']],
  [
    'the database refuses',
    { store: storeWith({ ping: () => Promise.reject(new Error('no')) }) },
    503,
    ['database']
  ],
  ['the database never answers', { store: storeWith({ ping: () => never }) }, 503, ['database']],
  [
    'both are away',
    { status: () => connecting, store: storeWith({ ping: () => Promise.reject(new Error('no')) }) },
    503,
    ['database', 'mqtt']
  ]
] satisfies Array<[string, Partial<HttpParts>, number, string[] | undefined]>) {
  test(`${what}: /readyz says ${status}, /livez 200`, async () => {
    const app = await createBareServer({ parts })
    const ready = await app.inject('/readyz')
    assert.equal(ready.statusCode, status)
    assert.deepEqual(
      ready.json().errors?.map(({ pointer }: { pointer: string }) => pointer),
      reasons
    )
    assert.equal((await app.inject('/livez')).statusCode, 200)
  })
}

test('the status is told also while the database is away', async () => {
  const app = await createBareServer({
    parts: { store: storeWith({ journal: { head: () => never, lastGap: () => never } }) }
  })
  const status = (await app.inject('/v1/status')).json()
  assert.deepEqual(
    [status.journal, status.commandsOpen, status.database, status.mqtt.state],
    [null, null, { healthy: false, schemaVersion: null }, 'connected']
  )
})

test('every counter is on /metrics, and two servers do not share them', async () => {
  const first = await createBareServer()
  const stats = { ...createStats(), received: 5, held: 2, projectionDoneSeq: 90 }
  countRejection(stats, 'not_a_number')
  countRejection(stats, 'not_a_number')
  const second = await createBareServer({ parts: { stats } })
  const read = async (app: typeof first, name: string): Promise<string | undefined> =>
    new RegExp(`^${name.replaceAll(/[{}]/g, '\\$&')} (.*)$`, 'm').exec(
      (await app.inject('/metrics')).body
    )?.[1]
  assert.equal(await read(second, 'rialto_messages_received_total'), '5')
  assert.equal(await read(second, 'rialto_messages_received_total'), '5', 'the second scrape counted on')
  assert.equal(await read(second, 'rialto_messages_held'), '2')
  assert.equal(await read(first, 'rialto_messages_received_total'), '0')
  assert.equal(await read(first, 'rialto_mqtt_connected'), '1')
  assert.equal(await read(first, 'rialto_journal_seq'), '100')
  assert.equal(await read(second, 'rialto_projection_lag_facts'), '10')
  assert.equal(await read(second, 'rialto_rejections_total{reason="not_a_number"}'), '2')
  assert.equal(await read(second, 'rialto_projection_rebuild_progress_ratio'), '1')
})

test('an instance that does not lead tells no lag', async () => {
  const app = await createBareServer({ parts: { status: () => ({ ...connected, leading: false }) } })
  assert.match((await app.inject('/metrics')).body, /^rialto_projection_lag_facts NaN$/im)
})

test('metrics are there while the database is away', async () => {
  const app = await createBareServer({ parts: { store: storeWith({}) } })
  const answer = await app.inject('/metrics')
  assert.equal(answer.statusCode, 200)
  assert.match(answer.body, /^rialto_commands_open NaN$/im)
  assert.match(answer.body, /^rialto_commands_waiting_seconds NaN$/im)
  assert.match(answer.body, /^rialto_webhook_lag_facts NaN$/im)
})
