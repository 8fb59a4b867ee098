/**
 * The journals that this database has been. A restore from backup takes the database back to an earlier position, and
 * what is written from there is another history under the same numbers: it gets a journal id of its own, before anything
 * else happens (docs/decisions/0004).
 */

import type { Logger } from 'pino'
import type { JournalOrigin } from '../cursor.ts'
import type { Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Stats } from '../stats.ts'
import { countGap } from '../stats.ts'
import { traceparentSql } from './accept-commands.ts'
import type { Pool, PoolClient } from './database.ts'
import type { Marker } from './marker.ts'
import { fromText, isSame, merged, missing, readMarker, toText } from './marker.ts'

/** Returns the journals in the order in which they began, after beginning one where the database was restored. */
export async function openJournals(pool: Pool, stats: Stats, log: Logger): Promise<JournalOrigin[]> {
  const client = await pool.connect()
  try {
    const marker = await readMarker(client)
    const unknown = missing(marker)
    if (unknown.length > 0) {
      log.warn({ unknown }, 'The database does not tell all that changes with a restore: see docs/backup.md')
    }
    if ((await currentMarker(client)) !== toText(marker)) await compareUnderLock(client, marker, stats, log)
    const { rows } = await client.query<{ id: string; began_seq: Seq }>(
      'select id, began_seq from journals order by number'
    )
    client.release()
    return rows.map((row) => ({ id: row.id, beganSeq: row.began_seq }))
  } catch (error) {
    client.release(true)
    throw error
  }
}

async function currentMarker(client: PoolClient): Promise<string | null> {
  const { rows } = await client.query<{ marker: string | null }>(
    'select marker from journals order by number desc limit 1'
  )
  return rows[0]!.marker
}

/** Locks in the order in which appends do: sessions, commands, the head. Of two instances, the second finds it done. */
async function compareUnderLock(client: PoolClient, is: Marker, stats: Stats, log: Logger): Promise<void> {
  await client.query('begin; set local statement_timeout = 0')
  await client.query('select from sessions order by id for update')
  const open = await client.query<{ id: string }>(
    `select id from commands where finished_at is null order by id for update`
  )
  await client.query('select from journal_head where shard = 0 for update')
  const text = await currentMarker(client)
  const was = text === null ? is : fromText(text)
  if (isSame(was, is)) await client.query(setMarkerSql, [toText(merged(was, is))])
  else {
    const { rows } = await client.query<Begun>(beginSql, [toText(is), open.rows.map((row) => row.id)])
    const { seq, gaps, commands } = rows[0]!
    for (let gap = 0; gap < gaps; gap++) countGap(stats, 'restored')
    log.warn(
      { was: text, is: toText(is), sharedSeq: seq, commandsEnded: commands },
      'The database was restored: a new journal begins. Cursors of facts that are gone are told so, and open commands are ' +
        'not published: see docs/backup.md'
    )
  }
  await client.query('commit')
}

interface Begun {
  /** The last position that the new journal shares with the one before. */
  seq: Seq
  gaps: number
  /** Commands that are now `unknown`. */
  commands: number
}

const millis = (time: string): string => `floor(extract(epoch from ${time}) * 1000)::int8`

const setMarkerSql = `update journals set marker = $1 where number = (select max(number) from journals)`

// Epochs and generations rise, so that who received before writes nothing more, and packet identifiers start afresh.
// A gap tells of each session what is missing; open commands end, because they may have been published since.
const beginSql = `
with was as materialized (
  select seq, at, greatest(at, clock_timestamp()) as now from journal_head where shard = 0
),
begun as (
  insert into journals (number, id, began_seq, began_at, marker)
  select (select max(number) + 1 from journals), gen_random_uuid(), seq, now, $1 from was
  returning id
),
facts as materialized (
  select ${factKinds.gap} as kind, null::uuid as command_id, s.id as session_id, was.now as received_at,
    json_build_object('cause', 'restored', 'session', name, 'from', ${millis('was.at')}, 'to', ${millis('was.now')},
      'messages', null) as detail,
    row_number() over (order by s.id) as n
  from sessions s, was
  union all
  select ${factKinds.command}, id, null, null,
    json_build_object('id', id, 'topic', topic, 'device', device, 'principal', principal, 'from', state, 'to', 'unknown', 'event', 'restore', 'final', true,
      'attempt', attempts, 'brokerReasonCode', null, 'traceparent', ${traceparentSql('properties')}),
    (select count(*) from sessions) + row_number() over (order by created_seq)
  from commands where id = any ($2::uuid[])
),
head as (
  update journal_head h set journal_id = begun.id, seq = was.seq + (select count(*) from facts), at = was.now
  from was, begun where shard = 0
),
journaled as (
  insert into journal (seq, at, received_at, retention_class, kind, session_id, command_id, detail)
  select was.seq + n, was.now, received_at, 0, kind, session_id, command_id, detail from was, facts
),
ended as (
  update commands c set state = 'unknown', seq = was.seq + n, finished_at = was.now
  from was, facts where c.id = facts.command_id
),
forgotten as (
  delete from inbound_packets
),
raised as (
  update sessions set epoch = epoch + 1, generation = generation + 1, generation_seq = was.seq, owner = null,
    lease_until = null
  from was
)
select seq, (select count(*) from facts where command_id is null) as gaps,
  (select count(command_id) from facts) as commands,
  pg_notify('rialto_journal', (seq + (select count(*) from facts))::text)
from was`
