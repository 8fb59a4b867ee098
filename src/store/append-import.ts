/**
 * What an import appends: facts, and how far the file has been read, in one statement and one transaction. It applies only
 * while the import is the caller's: whoever went on with it since has raised its run.
 */

import { factKinds } from '../model.ts'
import type { Statement } from './append.ts'
import { byteaArray, int2Array, int8Array } from './binary.ts'
import type { TopicRow } from './topics.ts'

/** Datapoints of one device, that come by one topic. */
export interface ImportedFact {
  topic: string
  /** As history/imported.ts writes them. */
  payload: Uint8Array
}

/** Which import, and who goes on with it. */
export interface ImportRun {
  principal: string
  id: string
  run: number
}

/** Some lines of an import, and what they say. */
export interface ImportBatch {
  facts: readonly ImportedFact[]
  lines: number
  datapoints: number
  /** Of all lines of the import up to these. */
  digest: Uint8Array
}

/** Of nulls where the import is somebody else's now. */
export interface ImportRow {
  lines: number | null
}

/** Parameters begin at $3. */
export function importStatement(
  { principal, id, run }: ImportRun,
  { facts, lines, datapoints, digest }: ImportBatch,
  topicRows: ReadonlyMap<string, TopicRow>,
  forgets: number,
  leaseMs: number,
  guardSql: string
): Statement {
  return {
    name: 'append_import',
    text: importSql(guardSql),
    values: [
      principal,
      id,
      run,
      lines,
      datapoints,
      digest,
      leaseMs,
      forgets,
      facts.length,
      int8Array(facts.map(({ topic }) => topicRows.get(topic)!.id)),
      int2Array(facts.map(({ topic }) => topicRows.get(topic)!.retentionClass)),
      byteaArray(facts.map(({ payload }) => payload))
    ]
  }
}

// The row of the import is locked before the head of the journal, and nobody locks the two the other way round
const importSql = (guardSql: string): string => `
with ${guardSql},
held as materialized (
  select i.run from imports i where principal = $3 and id = $4 and run = $5 and exists (select from guard) for update
),
head as (
  -- Refused as a whole, by a check, where the ids of topics are those of another time
  update journal_head set seq = case when forgets = $10::int8 then seq + $11 else -1 end,
    at = greatest(at, clock_timestamp())
  where shard = 0 and exists (select from held)
  returning seq - $11 as base, at
),
journaled as (
  insert into journal (seq, at, topic_id, received_at, retention_class, kind, qos, payload)
  select base + n, at, topic_id, at, retention_class, ${factKinds.imported}, 0, payload
  from head, unnest($12::int8[], $13::int2[], $14::bytea[]) with ordinality as u (topic_id, retention_class, payload, n)
),
counted as (
  update imports i set state = 'running', lines = i.lines + $6, datapoints = i.datapoints + $7, digest = $8,
    last_seq = case when $11 > 0 then head.base + $11 else i.last_seq end,
    lease_until = clock_timestamp() + $9 * interval '1 ms', updated_at = clock_timestamp()
  from head where i.principal = $3 and i.id = $4
  returning i.lines
)
select counted.lines, case when base is not null then pg_notify('rialto_journal', (base + $11)::text) end
from guard left join head on true left join counted on true`
