/** API keys: who may come in, and what they may. Changes are told to every instance. */

import { Problem } from '../errors.ts'
import { mustManageKeys } from '../key.ts'
import type { Key, KeyAsking, KeyRecords, KeySettings, LiveKeys } from '../key.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { insertAudit } from './audit.ts'
import type { Database, Pool, PoolClient } from './database.ts'
import type { KeyRow, LiveKeyRow } from './key-rows.ts'
import { keyColumns, toKey, toLiveKey } from './key-rows.ts'
import { inTransaction } from './projected-facts.ts'

export interface KeyStore extends KeyRecords {
  /** null: nothing has changed since this revision. */
  live(known: number | null): Promise<LiveKeys | null>
  /** By id, when somebody last came with it. */
  noteUse(uses: ReadonlyMap<string, Millis>): Promise<void>
  /** Drops keys that were over for so long that nobody asks for them any more; returns how many. */
  forgetEnded(): Promise<number>
}

type KeyStoreLimits = Pick<Limits, 'keysMax' | 'keyKeptAfterEndSeconds'>

export function createKeyStore({ pool }: Pick<Database, 'pool'>, limits: KeyStoreLimits): KeyStore {
  /** A change of a key that is there, one after the other. `set` has parameters from $2 on. */
  async function update(
    { by, id, action }: { by: KeyAsking; id: string; action: string },
    toChange: (key: Key) => { set: string; values: unknown[]; detail: object } | null
  ): Promise<Key | null> {
    mustManageKeys(by)
    return inTransaction(pool, async (client) => {
      await announce(client)
      const found = await client.query<KeyRow>(`select ${keyColumns} from api_keys where id = $1`, [id])
      if (found.rows[0] === undefined) return null
      const before = toKey(found.rows[0])
      const change = toChange(before)
      if (change === null) return before
      const { rows } = await client.query<KeyRow>(
        `update api_keys set updated_at = now(), ${change.set} where id = $1 returning ${keyColumns}`,
        [id, ...change.values]
      )
      const { detail } = change
      await insertAudit(client, { ...actorOf(by), action, subject: id, detail })
      return toKey(rows[0]!)
    })
  }

  return {
    async create(by, { id, digest }, settings) {
      mustManageKeys(by)
      return inTransaction(pool, async (client) => {
        await announce(client)
        await checkCount(client, limits.keysMax)
        const { rows } = await client.query<KeyRow>(
          `insert into api_keys (id, digest, created_by, name, grants, tenant, expires_at)
           values ($1, $2, $3, $4, $5, $6, $7) returning ${keyColumns}`,
          [id, digest, by.principal, ...valuesOf(settings)]
        )
        const detail = told(settings)
        await insertAudit(client, { ...actorOf(by), action: 'createKey', subject: id, detail })
        return toKey(rows[0]!)
      })
    },
    async page(by, { after, limit, order }) {
      mustManageKeys(by)
      const { rows } = await pool.query<KeyRow>(
        `select ${keyColumns} from api_keys where $1::int8 is null or number ${order === 'asc' ? '>' : '<'} $1
         order by number ${order} limit $2`,
        [after, limit + 1]
      )
      const items = rows.slice(0, limit).map(toKey)
      return { items, next: rows.length > limit ? items.at(-1)!.number : null }
    },
    async byId(by, id) {
      mustManageKeys(by)
      const { rows } = await pool.query<KeyRow>(`select ${keyColumns} from api_keys where id = $1`, [id])
      return rows[0] === undefined ? null : toKey(rows[0])
    },
    change: (by, id, toSettings) =>
      update({ by, id, action: 'changeKey' }, (key) => {
        mustBeThere(key)
        const settings = toSettings(key)
        return {
          set: 'name = $2, grants = $3, tenant = $4, expires_at = $5',
          values: valuesOf(settings),
          detail: told(settings)
        }
      }),
    rotate: (by, id, digest, previousUntil) =>
      update({ by, id, action: 'rotateKey' }, (key) => {
        mustBeThere(key)
        const until = previousUntil === null ? null : new Date(previousUntil)
        return {
          set: `previous_digest = case when $3::timestamptz is null then null else digest end, previous_until = $3,
                digest = $2, rotated_at = now()`,
          values: [digest, until],
          detail: { previousUntil: until }
        }
      }),
    revoke: (by, id) =>
      update({ by, id, action: 'revokeKey' }, (key) =>
        key.revokedAt === null ? { set: 'revoked_at = now()', values: [], detail: { name: key.name } } : null
      ),
    live: (known) => readLive(pool, known),
    async noteUse(uses) {
      await pool.query(
        `update api_keys k set last_used_at = greatest(k.last_used_at, u.at)
         from unnest($1::text[], $2::timestamptz[]) u (id, at) where k.id = u.id`,
        [[...uses.keys()], [...uses.values()].map((at) => new Date(at))]
      )
    },
    async forgetEnded() {
      const { rowCount } = await pool.query(
        `delete from api_keys where id in (
           select id from (
             select id, coalesce(revoked_at, expires_at) as ended_at,
                    row_number() over (order by coalesce(revoked_at, expires_at) desc, number desc) as place
             from api_keys where ${over}) ended
           where ended_at < now() - make_interval(secs => $1) or place > $2) and ${over}`,
        [limits.keyKeptAfterEndSeconds, limits.keysMax]
      )
      return rowCount ?? 0
    }
  }
}

const actorOf = ({ principal, address }: KeyAsking) => ({ principal, address })

/** Of the columns of `api_keys`. */
const over = '(revoked_at is not null or expires_at <= now())'

function mustBeThere({ revokedAt }: Key): void {
  if (revokedAt !== null)
    throw new Problem('key_revoked', 'This key is revoked, for ever: create another one')
}

/** Whoever changes keys at the same time waits; every instance hears of it. */
async function announce(client: PoolClient): Promise<void> {
  await client.query(
    "update api_keys_revision set revision = revision + 1 where shard = 0 returning pg_notify('rialto_keys', '')"
  )
}

async function checkCount(client: PoolClient, max: number): Promise<void> {
  const { rows } = await client.query<{ count: number }>(
    'select count(*) as count from api_keys where revoked_at is null and (expires_at is null or expires_at > now())'
  )
  if (rows[0]!.count >= max)
    throw new Problem('too_many_keys', `There are ${max} keys, and no more are allowed: revoke one first`)
}

async function readLive(pool: Pool, known: number | null): Promise<LiveKeys | null> {
  const { rows: newest } = await pool.query<{ revision: number }>({
    name: 'keys_revision',
    text: 'select revision from api_keys_revision where shard = 0'
  })
  if (newest[0]!.revision === known) return null
  // Keys and number as they were at once: what comes between is seen at the next look
  const { rows } = await pool.query<LiveKeyRow>(
    `select r.revision, k.id, k.digest, k.previous_digest, k.previous_until, k.grants, k.tenant, k.expires_at
     from api_keys_revision r left join api_keys k
       on k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
     where r.shard = 0`
  )
  const keys = rows.filter((row): row is LiveKeyRow & { id: string } => row.id !== null)
  return { revision: rows[0]!.revision, keys: keys.map(toLiveKey) }
}

const valuesOf = ({ name, grants, tenant, expiresAt }: KeySettings): unknown[] => [
  name,
  JSON.stringify(grants),
  tenant,
  expiresAt === null ? null : new Date(expiresAt)
]

const told = ({ name, grants, tenant, expiresAt }: KeySettings): object => ({
  name,
  grants,
  tenant,
  expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString()
})
