/** A store on a database of its own, with a lease, as ingest would hold it. */

import { randomBytes } from 'node:crypto'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { Access } from '../../src/model.ts'
import { normalize } from '../../src/normalize/normalize.ts'
import type { Received } from '../../src/normalize/normalize.ts'
import type { Stats } from '../../src/stats.ts'
import { createStats } from '../../src/stats.ts'
import type { Lease } from '../../src/store/sessions.ts'
import type { Appended, Store } from '../../src/store/store.ts'
import { openStore } from '../../src/store/store.ts'
import { atEnd } from './cleanup.ts'
import { createDatabase, silent } from './database.ts'

export const everything: Access = { principal: 'test', mayRead: () => true, mayPublish: () => true }

export interface TestStore {
  url: string
  store: Store
  lease: Lease
  receive(...messages: Array<Partial<Received> & { topic: string }>): Promise<Appended | null>
}

export async function openTestStore(
  options: {
    limits?: Partial<Limits>
    url?: string
    onHead?: (seq: number | null) => void
    session?: string
    stats?: Stats
  } = {}
): Promise<TestStore> {
  const url = options.url ?? (await createDatabase())
  const opened = await openStore({
    url,
    directUrl: url,
    migrationsDirectory: new URL('../../prisma/migrations', import.meta.url).pathname,
    limits: { ...defaultLimits, ...options.limits },
    stats: options.stats ?? createStats(),
    log: silent,
    onHead: options.onHead ?? (() => {})
  })
  let closing: Promise<void> | null = null
  const store: Store = { ...opened, close: () => (closing ??= opened.close()) }
  atEnd(() => store.close())
  const session = await store.sessions.ensure(options.session ?? `s${randomBytes(4).toString('hex')}`, null)
  const { epoch } = await store.sessions.present(session)
  const lease = (await store.sessions.take(session, store.instanceId, epoch))!
  return {
    url,
    store,
    lease,
    receive(...messages) {
      const { facts, states } = normalize(messages.map(toReceived), lease.name)
      return store.append({ facts, states, packets: { added: [], released: [] }, retainedKnown: true }, lease)
    }
  }
}

export const toReceived = (message: Partial<Received> & { topic: string }): Received => ({
  payload: Buffer.from('1'),
  qos: 1,
  retain: false,
  dup: false,
  packetId: null,
  properties: null,
  receivedAt: Date.now(),
  found: false,
  discardedBytes: 0,
  malformedTopic: null,
  ...message
})
