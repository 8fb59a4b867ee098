/** Our MQTT sessions: a lease with an epoch, what is subscribed, and what a redelivery is recognised by. */

import { randomBytes } from 'node:crypto'
import type { Limits } from '../limits.ts'
import type { Guard } from './guard.ts'
import { FencedError } from './append.ts'
import { sessionGuard } from './guard.ts'
import type { Database, Pool } from './database.ts'

/** The right to receive for a session. Everything it writes carries the epoch. */
export interface Lease {
  sessionId: number
  name: string
  clientId: string
  epoch: number
  generation: number
  guard: Guard
  protocolVersion: 4 | 5 | null
  filters: string[]
  subscription: 'none' | 'subscribing' | 'subscribed'
  /** Last time the connection was known to live, before this lease; null: never. */
  aliveAt: Date | null
  /** By `performance.now()` of this process, milliseconds: until then it is not taken, unless this process is seen to be gone. */
  validUntil: number
  /** Aborted when this instance gives up writing under the lease: appends that wait for the database end. */
  ended: AbortController
}

/** A QoS 1 message that may be redelivered. */
export interface ReceivedPacket {
  packetId: number
  dup: boolean
  topic: string
  payload: Buffer
}

export interface Sessions {
  /** Finds or makes the session; the client id is generated once and kept unless one is given. */
  ensure(name: string, clientId: string | null): Promise<number>
  /** Of a session that is there. */
  clientIdOf(sessionId: number): Promise<string>
  /** Who leads: the present epoch, and whether its lease has run out. */
  present(sessionId: number): Promise<{ epoch: number; expired: boolean }>
  /** Takes the lease from the owner of `epoch`, who is known to be gone; null where somebody was faster. */
  take(sessionId: number, owner: string, epoch: number): Promise<Lease | null>
  /** Keeps the lease. Throws FencedError when another took it. `alive`: the connection to the broker is up. */
  renew(lease: Lease, alive: boolean): Promise<void>
  /**
   * Before CONNECT, which takes the session from whoever has it: throws FencedError when that is another instance. Writes
   * ahead that nobody knows what the session is subscribed to, until `setSubscription` says so.
   */
  beforeConnect(lease: Lease): Promise<void>
  /** Gives the lease up, so that the next one starts at once. */
  release(lease: Lease): Promise<void>
  /** Durably, before SUBSCRIBE on a session that is new at the broker: its packet identifiers start afresh. */
  raiseGeneration(lease: Lease): Promise<void>
  /** Writes ahead what is being subscribed, and that it was. */
  setSubscription(
    lease: Lease,
    state: Lease['subscription'],
    filters: string[],
    version: 4 | 5
  ): Promise<void>
  /** QoS 2 messages that are committed and not released. */
  inboundPackets(lease: Lease): Promise<Array<{ packetId: number; hash: Buffer }>>
  /** The last QoS 1 messages of this generation, oldest first. */
  lastReceived(lease: Lease, count: number): Promise<ReceivedPacket[]>
  registerInstance(id: string): Promise<void>
  removeInstance(id: string): Promise<void>
}

export function createSessions({ pool, prisma }: Database, limits: Limits): Sessions {
  /** Updates under our epoch, or learns that it is no longer ours. */
  async function update(lease: Lease, set: string, values: unknown[]): Promise<void> {
    const { rowCount } = await pool.query(`update sessions set ${set} where id = $1 and epoch = $2`, [
      lease.sessionId,
      lease.epoch,
      ...values
    ])
    if (rowCount === 0) throw new FencedError()
  }

  async function renewed(lease: Lease, set: string, values: unknown[]): Promise<void> {
    const validUntil = leaseEnd(limits) // begins before the database's, and so ends before it
    await update(lease, set, values)
    lease.validUntil = validUntil
  }

  return {
    async ensure(name, clientId) {
      const made = clientId ?? `rialto-${randomBytes(6).toString('hex')}`
      // Not the client's upsert: of instances that start at once it lets one fail
      const { rows } = await pool.query<{ id: number }>(
        `insert into sessions (name, client_id) values ($1, $2)
         on conflict (name) do update set client_id = case when $3 then excluded.client_id else sessions.client_id end
         returning id`,
        [name, made, clientId !== null]
      )
      return rows[0]!.id
    },
    async clientIdOf(sessionId) {
      const { clientId } = await prisma.session.findUniqueOrThrow({ where: { id: sessionId } })
      return clientId
    },
    async present(sessionId) {
      const { rows } = await pool.query<{ epoch: number; expired: boolean }>(
        'select epoch, coalesce(lease_until < now(), true) as expired from sessions where id = $1',
        [sessionId]
      )
      return rows[0]!
    },
    take: (sessionId, owner, epoch) => takeLease(pool, limits, sessionId, owner, epoch),
    renew: (lease, alive) =>
      renewed(
        lease,
        `lease_until = now() + make_interval(secs => $3), alive_at = case when $4 then now() else alive_at end`,
        [limits.leaseSeconds, alive]
      ),
    beforeConnect: (lease) =>
      renewed(
        lease,
        `lease_until = now() + make_interval(secs => $3),
         subscription = case when subscription = 'none' then 'none' else 'subscribing' end`,
        [limits.leaseSeconds]
      ),
    release: (lease) => update(lease, 'lease_until = null, owner = null', []),
    async raiseGeneration(lease) {
      await pool.query('delete from inbound_packets where session_id = $1 and generation <= $2', [
        lease.sessionId,
        lease.generation
      ])
      const set = `generation = $3, subscription = 'none',
        generation_seq = (select seq from journal_head where shard = 0)`
      await update(lease, set, [lease.generation + 1])
      lease.generation++
    },
    async setSubscription(lease, state, filters, version) {
      // Whoever is subscribed was there: an absence begins now at the earliest
      await update(
        lease,
        `subscription = $3, filters = $4, protocol_version = $5,
         alive_at = case when $3 = 'subscribed' then now() else alive_at end`,
        [state, JSON.stringify(filters), version]
      )
      Object.assign(lease, { subscription: state, filters, protocolVersion: version })
    },
    async inboundPackets(lease) {
      const rows = await prisma.inboundPacket.findMany({
        where: { sessionId: lease.sessionId, generation: lease.generation }
      })
      return rows.map((row) => ({ packetId: row.packetId, hash: Buffer.from(row.hash) }))
    },
    lastReceived: (lease, count) => lastReceived(pool, lease, count),
    async registerInstance(id) {
      await prisma.instance.create({ data: { id } })
    },
    async removeInstance(id) {
      await prisma.instance.deleteMany({ where: { id } })
    }
  }
}

const leaseEnd = ({ leaseSeconds }: Limits): number => performance.now() + leaseSeconds * 1_000

async function takeLease(
  pool: Pool,
  limits: Limits,
  sessionId: number,
  owner: string,
  epoch: number
): Promise<Lease | null> {
  const validUntil = leaseEnd(limits)
  const { rows } = await pool.query<LeaseRow>(
    `update sessions set epoch = epoch + 1, owner = $2, lease_until = now() + make_interval(secs => $3)
     where id = $1 and epoch = $4
     returning id, name, client_id, epoch, generation, batch, protocol_version, filters, subscription, alive_at`,
    [sessionId, owner, limits.leaseSeconds, epoch]
  )
  const row = rows[0]
  return row === undefined
    ? null
    : {
        sessionId: row.id,
        name: row.name,
        clientId: row.client_id,
        epoch: row.epoch,
        generation: row.generation,
        guard: sessionGuard(row.id, row.epoch, row.batch),
        protocolVersion: row.protocol_version,
        filters: row.filters,
        subscription: row.subscription,
        aliveAt: row.alive_at,
        validUntil,
        ended: new AbortController()
      }
}

interface LeaseRow {
  id: number
  name: string
  client_id: string
  epoch: number
  generation: number
  batch: number
  protocol_version: 4 | 5 | null
  filters: string[]
  subscription: Lease['subscription']
  alive_at: Date | null
}

/** Rows looked through for `count` QoS 1 messages: others lie between them. */
const rowsPerMessage = 4

interface ReceivedRow {
  packet_id: number
  dup: boolean
  name: string
  payload: Buffer
}

async function lastReceived(pool: Pool, lease: Lease, count: number): Promise<ReceivedPacket[]> {
  const { rows } = await pool.query<ReceivedRow>(
    `select j.packet_id, j.dup, t.name, j.payload
     from journal j join topics t on t.id = j.topic_id
     where j.seq > (select greatest(
         (select seq from journal_head where shard = 0) - $2::bigint,
         (select generation_seq from sessions where id = $1)))
       and j.session_id = $1 and j.packet_id is not null and j.qos = 1
     order by j.seq desc limit $3`,
    [lease.sessionId, count * rowsPerMessage, count]
  )
  return rows
    .toReversed()
    .map(({ packet_id, dup, name, payload }) => ({ packetId: packet_id, dup, topic: name, payload }))
}
