/**
 * Which instance receives. One holds the lease of the session; others wait, and take over when it is gone (the lock of
 * its epoch is free) or hangs (its lease has run out). Whoever was overtaken finds the epoch raised, writes
 * nothing any more, and waits again.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import { FencedError, GivenUpError } from '../store/append.ts'
import type { Store } from '../store/store.ts'
import type { Lease } from '../store/sessions.ts'

export interface Leader {
  leading(): boolean
  /** What is written under it counts only while this instance leads; null: it does not. */
  lease(): Lease | null
  /** Resolves when it is known for the first time whether this instance leads. */
  decided: Promise<void>
  run(): Promise<void>
  stop(): Promise<void>
}

/** What is done with the lease: `run` until stopped or fenced, `alive` while the connection lives. */
export interface Term {
  alive(): boolean
  run(): Promise<void>
  /** Flushes and ends in order. */
  stop(): Promise<void>
  /** Ends at once: nothing that is written now would count. */
  drop(): void
}

export function createLeader(parts: {
  store: Store
  sessionName: string
  clientId: string | null
  begin: (lease: Lease) => Promise<Term>
  /** Whether this instance may hold the session at all; not given: any may. */
  eligible?: () => boolean
  /** It leads no more. */
  onEnd?: () => void
  limits: Limits
  stats: Stats
  log: Logger
}): Leader {
  const { store, limits, stats, log } = parts
  const eligible = parts.eligible ?? (() => true)
  const stopping = new AbortController()
  let term: Term | null = null
  let held: Lease | null = null
  let ended: Promise<void> = Promise.resolve()
  let decide = (): void => {}
  const decided = new Promise<void>((resolve) => (decide = resolve))

  /** Null while another instance leads. */
  async function take(sessionId: number): Promise<Lease | null> {
    const { listener, sessions } = store
    const { epoch, expired } = await sessions.present(sessionId)
    if (!expired && !(await listener.tryLock(sessionId, epoch))) return null
    // Its lock is ours before an epoch is visible, so that a free lock always means that its owner is gone
    const first = await listener.tryLock(sessionId, epoch + 1)
    const lease = first ? await sessions.take(sessionId, store.instanceId, epoch) : null
    if (first && lease === null) await listener.unlock(sessionId, epoch + 1)
    await listener.unlock(sessionId, epoch)
    return lease
  }

  async function serve(lease: Lease): Promise<void> {
    const current = await parts.begin(lease)
    if (stopping.signal.aborted) return current.drop()
    term = current
    held = lease
    decide()
    const renewing = setInterval(() => {
      if (!eligible()) return void current.stop().catch(() => current.drop())
      store.sessions.renew(lease, current.alive()).catch((error: unknown) => {
        if (error instanceof FencedError) current.drop()
        else log.debug({ err: error }, 'Cannot renew the lease yet')
      })
    }, limits.leaseRenewMs)
    try {
      await current.run()
    } catch (error) {
      if (!(error instanceof GivenUpError)) throw error
    } finally {
      clearInterval(renewing)
      term = null
      held = null
      parts.onEnd?.()
      current.drop()
    }
    // Who was fenced between two appends was only dropped; this says so
    if (!stopping.signal.aborted) await store.sessions.renew(lease, false)
  }

  async function once(): Promise<void> {
    if (!eligible()) return decide()
    const sessionId = await store.sessions.ensure(parts.sessionName, parts.clientId)
    const lease = await take(sessionId)
    if (lease === null) return decide()
    log.info({ epoch: lease.epoch, clientId: lease.clientId }, 'This instance receives')
    try {
      await serve(lease)
      if (!stopping.signal.aborted && eligible()) return
      await store.sessions.release(lease)
      await store.listener.unlock(sessionId, lease.epoch)
    } catch (error) {
      if (!(error instanceof FencedError)) throw error
      stats.fenced++
      log.warn('Another instance took the session over; this one waits')
      await store.listener.unlock(sessionId, lease.epoch)
    }
  }

  return {
    leading: () => term !== null,
    lease: () => held,
    decided,
    run() {
      const work = async (): Promise<void> => {
        while (!stopping.signal.aborted) {
          await once().catch((error: unknown) =>
            log.error({ err: error }, 'Receiving failed; beginning again')
          )
          if (!stopping.signal.aborted)
            await delay(limits.leaseRenewMs / 2, null, { signal: stopping.signal }).catch(() => {})
        }
      }
      return (ended = work())
    },
    async stop() {
      stopping.abort()
      decide()
      await term?.stop()
      await ended
    }
  }
}
