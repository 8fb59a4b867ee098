/** Redrives, and what they write: messages that were rejected, normalized again. */

import type { Redrive, RedriveState } from '../datapoints.ts'
import type { Limits } from '../limits.ts'
import type { Fact, Seq } from '../model.ts'
import { int8Array } from './binary.ts'
import type { Database, Pool } from './database.ts'
import type { ProjectionStore } from './projected.ts'
import { conditionsOf } from './rejections.ts'
import type { FactRow } from './rows.ts'
import { toFact } from './rows.ts'

export function createRedrives({ pool, prisma }: Database, limits: Limits): ProjectionStore['redrives'] {
  return {
    async create(ask) {
      const { id, principal, address, reason, mapping } = ask
      const filters = [...ask.filters]
      const fromAt = ask.from === null ? null : new Date(ask.from)
      const toAt = ask.to === null ? null : new Date(ask.to)
      const row = { id, principal, filters, reason, mapping, fromAt, toAt }
      const [redrive] = await prisma.$transaction([
        prisma.redrive.create({
          data: { ...row, state: 'pending', mode: 'messages', untilSeq: ask.untilSeq }
        }),
        prisma.audit.create({
          data: {
            principal,
            address: address ?? null,
            action: 'redrive',
            subject: id,
            detail: {
              filters,
              reason,
              mapping,
              from: fromAt?.toISOString() ?? null,
              to: toAt?.toISOString() ?? null
            }
          }
        })
      ])
      return toRedrive(redrive)
    },
    async byId(id) {
      const row = await prisma.redrive.findUnique({ where: { id } })
      return row && toRedrive(row)
    },
    async list({ after, limit }) {
      const rows = await prisma.redrive.findMany({
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: limit,
        ...(after !== null && { cursor: { id: after }, skip: 1 })
      })
      return rows.map(toRedrive)
    },
    async next() {
      const row = await prisma.redrive.findFirst({
        where: { state: { in: ['pending', 'running'] } },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }]
      })
      return row && toRedrive(row)
    },
    open: () => prisma.redrive.count({ where: { state: { in: ['pending', 'running'] } } }),
    async update(id, change) {
      const ended = change.state === 'done' || change.state === 'failed'
      await prisma.redrive.update({
        where: { id },
        data: { ...change, ...(ended && { finishedAt: new Date() }) }
      })
    },
    messages: (projection, redrive, limit) => messages(pool, limits, { projection, redrive, limit })
  }
}

/** Looks through rejections in windows, so that no statement is long however few are meant. */
async function messages(
  pool: Pool,
  limits: Limits,
  { projection, redrive, limit }: { projection: number; redrive: Redrive; limit: number }
): Promise<Fact[]> {
  let after: Seq = redrive.lastSeq
  for (;;) {
    const values: unknown[] = [projection, after, redrive.untilSeq, limits.pageRowsScannedMax]
    const window = `select * from rejections where projection_id = $1 and seq > $2 and seq <= $3 order by seq, n limit $4`
    const { rows: looked } = await pool.query<{ count: number; last: Seq | null }>(
      `select count(*), max(seq) as last from (${window}) as looked`,
      values
    )
    const conditions = conditionsOf(redrive, values)
    const max = `$${values.push(limit)}`
    const { rows } = await pool.query<{ seq: Seq; topic_id: number }>(
      `select distinct r.seq, r.topic_id from (${window}) as r join topics t on t.id = r.topic_id
       where ${conditions} order by r.seq limit ${max}`,
      values
    )
    const facts = await receivedAs(pool, rows)
    if (facts.length > 0 || looked[0]!.count < limits.pageRowsScannedMax) return facts
    // A message that is not there any more was looked at, too
    after = rows.length === limit ? rows.at(-1)!.seq : Math.max(looked[0]!.last! - 1, after + 1)
  }
}

/** From the journal, or from what was carried over the horizon. */
async function receivedAs(pool: Pool, rows: ReadonlyArray<{ seq: Seq; topic_id: number }>): Promise<Fact[]> {
  const { rows: facts } = await pool.query<FactRow>({
    name: 'rejected_messages',
    text: receivedSql,
    values: [int8Array(rows.map(({ seq }) => seq)), int8Array(rows.map(({ topic_id }) => topic_id))]
  })
  return facts.map(toFact)
}

const columns = `f.seq, f.at, f.kind, f.topic_id, t.name, f.received_at, f.qos, f.retain, f.dup, f.payload, f.properties,
  null::uuid as command_id, f.detail`

const receivedSql = `
  with asked as (select * from unnest($1::int8[], $2::int8[]) as u (seq, topic_id))
  select distinct on (seq) * from (
    select ${columns} from asked join journal f on f.topic_id = asked.topic_id and f.seq = asked.seq
    join topics t on t.id = f.topic_id where f.payload is not null
    union all
    select ${columns} from asked join carried_facts f on f.topic_id = asked.topic_id and f.seq = asked.seq
    join topics t on t.id = f.topic_id where f.payload is not null
  ) as facts order by seq`

interface RedriveRow {
  id: string
  state: string
  mode: string
  principal: string
  filters: unknown
  reason: string | null
  mapping: string | null
  fromAt: Date | null
  toAt: Date | null
  createdAt: Date
  finishedAt: Date | null
  lastSeq: bigint
  untilSeq: bigint
  messages: bigint
  accepted: bigint
  error: string | null
}

const toRedrive = (row: RedriveRow): Redrive => ({
  id: row.id,
  state: row.state as RedriveState,
  mode: row.mode as Redrive['mode'],
  principal: row.principal,
  filters: row.filters as string[],
  reason: row.reason as Redrive['reason'],
  mapping: row.mapping,
  from: row.fromAt?.getTime() ?? null,
  to: row.toAt?.getTime() ?? null,
  createdAt: row.createdAt.getTime(),
  finishedAt: row.finishedAt?.getTime() ?? null,
  lastSeq: Number(row.lastSeq),
  untilSeq: Number(row.untilSeq),
  messages: Number(row.messages),
  accepted: Number(row.accepted),
  error: row.error
})
