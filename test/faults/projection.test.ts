/** kill -9 of the service while messages become datapoints, and while everything is rebuilt for another mapping. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { mappingFile } from '../support/projection.ts'
import { quiet, sized, story } from './story.ts'

const mapping = (metric: string): string => `
mappings:
  - { name: ledger, topic: "ledger/{device}", decoder: text, metric: ${metric} }
`

/** Messages without their one datapoint, datapoints that no message has, or more than one; and latest ones that are not. */
const faultsSql = `
  with messages as (
    select j.seq, j.payload, j.received_at, t.name from journal j join topics t on t.id = j.topic_id
    where t.name like 'ledger/%' and j.kind in (1, 2)
  ), points as (
    select p.seq, p.exact, d.name as device, m.name as metric from datapoints p
    join projections c on c.id = p.projection_id and c.state = 'current'
    join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id
  ), latest as (
    select distinct on (name) name, seq from messages order by name, received_at desc, seq desc
  )
  select
    (select count(*) from messages m where not exists (
      select from points p where p.seq = m.seq and p.exact = m.payload and 'ledger/' || p.device = m.name and p.metric = $1
    ))::int as missing,
    ((select count(*) from points) - (select count(*) from messages))::int as "more",
    (select count(*) from latest l where not exists (
      select from metrics m join devices d on d.id = m.device_id
      join projections c on c.id = d.projection_id and c.state = 'current'
      where 'ledger/' || d.name = l.name and m.latest_seq = l.seq
    ))::int as stale`

for (const qos of [1, 2] as const) {
  story(
    'kill -9 while messages become datapoints, and while they are rebuilt',
    { id: 'N1', qos, promise: { pointsMissing: 0, pointsMore: 0, latestStale: 0 } },
    async (world) => {
      const [messages, kills] = [sized(40_000, 4_000), sized(12, 4)]
      const broker = await world.mosquitto()
      const databaseUrl = await world.database()
      const file = await mappingFile(mapping('before'))
      const rialto = world.service({
        mqttUrl: broker.url,
        databaseUrl,
        qos,
        environment: { RIALTO_CONFIG: file }
      })
      await rialto.start()
      // Ready is ready to receive; the projector begins a moment later, and none of the next starts may live so long
      await eventually(
        async () =>
          (await query(databaseUrl, `select from projections where mapping_text = $1`, [mapping('before')]))
            .length > 0
      )
      const publisher = world.publisher({ url: broker.url, qos, messages, perSecond: sized(2_000, 500) })
      for (let kill = 0; kill < kills; kill++) {
        const at = Math.floor((messages / kills) * (kill + 0.2 + Math.random() * 0.6))
        await eventually(() => publisher.next() >= at, { withinMs: 120_000, everyMs: 3 })
        rialto.killNow()
        await rialto.ended()
        // Each start finds another mapping, and the rebuild that the last one was at
        if (kill >= kills / 2) await writeFile(file, mapping(kill === kills - 1 ? 'after' : `between${kill}`))
        await rialto.start()
      }
      await publisher.finished
      await quiet(world)
      const faults = await eventually(
        async () => {
          const open = await query(
            databaseUrl,
            // The last start may not have looked at its mapping yet
            `select from projections where state = 'building' or state = 'retired'
               or done_seq < (select seq from journal_head) or mapping_text <> $1`,
            [mapping('after')]
          )
          if (open.length > 0) return false
          const [row] = await query<{ missing: number; more: number; stale: number }>(
            databaseUrl,
            faultsSql.replaceAll('$1', "'after'")
          )
          return row
        },
        { withinMs: 120_000, what: 'everything to be projected' }
      )
      const [made] = await query<{ last: number }>(
        databaseUrl,
        'select max(id)::int as last from projections'
      )
      assert.ok(made!.last > 1, 'nothing was rebuilt')
      world.note('pointsMissing', faults.missing)
      world.note('pointsMore', Math.abs(faults.more))
      world.note('latestStale', faults.stale)
      world.note('rebuilds', made!.last - 1)
    }
  )
}
