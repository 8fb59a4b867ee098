/** What others did to retained messages while we were away; and the same without the snapshot. */

import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { control } from './control.ts'
import type { World } from './story.ts'

const topics = 1_000
const cleared = 500
const changed = 100

async function away(world: World, entry: string): Promise<void> {
  const broker = await world.mosquitto()
  const { client } = await connectClient(broker.url)
  // QoS 0, so that the session does not queue what happens while we are away
  const publish = (index: number, payload: string, qos: 0 | 1 = 0) =>
    client.publishAsync(`plant/${index}`, payload, { qos, retain: true })
  const databaseUrl = await world.database()
  const rialto = world.service({
    mqttUrl: broker.url,
    databaseUrl,
    qos: 1,
    entry,
    environment: { RIALTO_TOPICS: 'plant/#' }
  })
  await rialto.start()
  await Promise.all(Array.from({ length: topics }, (_, index) => publish(index, `v${index}`, 1)))
  const count = async (text: string): Promise<number> =>
    Number((await query<{ n: string }>(databaseUrl, `select count(*) n from ${text}`))[0]!.n)
  const states = `(select s.*, substr(name, 7)::int as number from topic_state s join topics t on t.id = s.topic_id
    where name like 'plant/%') as s`
  const facts = `journal j join topics t on t.id = j.topic_id and t.name like 'plant/%'`
  await eventually(async () => (await count(`${states} where retained_seq is not null`)) === topics)
  const before = await count(facts)
  await rialto.kill('SIGTERM')

  for (let index = 0; index < cleared; index++) await publish(index, '')
  for (let index = cleared; index < cleared + changed; index++) await publish(index, 'changed')
  await client.publishAsync('flush', '', { qos: 1 }) // the broker has dealt with all of it

  const begun = performance.now()
  await rialto.start()
  const isKnown = async (): Promise<boolean> => (await count(facts)) >= before + cleared + changed
  await eventually(isKnown, { withinMs: 10_000 }).then(
    () => world.note('knownMs', performance.now() - begun),
    () => {} // the figures below say what is missing
  )
  const gone = `number < ${cleared}`
  const different = `number >= ${cleared} and number < ${cleared + changed}`
  world.note('ghosts', await count(`${states} where ${gone} and retained_seq is not null`))
  world.note('stale', await count(`${states} where ${different} and retained_payload <> 'changed'`))
  world.note('livingGone', await count(`${states} where not ${gone} and retained_seq is null`))
  world.note(
    'otherTombstones',
    await count(`${states} where ${gone} and tombstone ->> 'cause' is distinct from 'reconciled'`)
  )
  world.note('factsTooMany', (await count(facts)) - before - cleared - changed)
}

control(
  `of ${topics} retained messages ${cleared} are cleared and ${changed} changed while we are away`,
  'the snapshot that finds it out',
  {
    id: 'F19',
    promise: { ghosts: 0, stale: 0, livingGone: 0, otherTombstones: 0, factsTooMany: 0 },
    shows: ['ghosts', 'stale']
  },
  [
    {
      file: 'ingest/receiver.js',
      find: /ready: \(connection\) => snapshots\.begin\(connection\)/,
      replace: 'ready: () => {}'
    }
  ],
  away
)
