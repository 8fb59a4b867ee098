/** Readers that have seen all there is, and sleep until something comes that they want. */

import type { Fact, Seq } from '../model.ts'

export interface Waiting {
  /** Everything up to here has been seen. */
  cursor: Seq
  wanted(fact: Fact): boolean
  /** When so much has come that it did not want, it is woken to say so. */
  wakeAt: Seq
}

export interface Waiters {
  /** Resolves with what has been seen by then: when a fact is wanted, `signal` aborts, or `msMax` is over. */
  wait(waiting: Waiting, signal: AbortSignal, msMax: number): Promise<Seq>
  /** Of these facts, contiguous and in order, whoever wants none has seen them by that, and sleeps on. */
  wake(facts: readonly Fact[]): void
  wakeAll(): void
}

interface Waiter extends Waiting {
  wake(): void
}

export function createWaiters(): Waiters {
  const waiters = new Set<Waiter>()
  return {
    wait({ cursor, wanted, wakeAt }, signal, msMax) {
      return new Promise<Seq>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer)
          waiters.delete(waiter)
          signal.removeEventListener('abort', wake)
          resolve(waiter.cursor)
        }
        const waiter: Waiter = { cursor, wanted, wakeAt, wake }
        const timer = setTimeout(wake, msMax)
        waiters.add(waiter)
        signal.addEventListener('abort', wake)
      })
    },
    wake(facts) {
      const [first, last] = [facts[0], facts.at(-1)]
      if (first === undefined || last === undefined) return
      for (const waiter of waiters) {
        const { cursor, wanted, wakeAt } = waiter
        const hole = cursor < first.seq - 1
        if (hole || facts.some((fact) => fact.seq > cursor && wanted(fact))) {
          waiter.wake()
          continue
        }
        waiter.cursor = Math.max(cursor, last.seq)
        if (waiter.cursor >= wakeAt) waiter.wake()
      }
    },
    wakeAll() {
      for (const waiter of waiters) waiter.wake()
    }
  }
}
