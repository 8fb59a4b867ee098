/** Delivers all webhooks, on the instance that leads: one task for each, none of which waits for another. */

import { setTimeout as delay } from 'node:timers/promises'
import type { Webhook } from '../store/webhook-rows.ts'
import type { DeliverParts } from './deliver.ts'
import { deliver } from './deliver.ts'

export interface WebhookRunner {
  /** A webhook was made, or changed. */
  wake(): void
  run(): Promise<void>
  stop(): Promise<void>
}

interface Task {
  revision: number
  ends: AbortController
  ended: Promise<void>
}

export function createWebhookRunner(parts: DeliverParts & { leading: () => boolean }): WebhookRunner {
  const { progress, limits, log, leading } = parts
  const closing = new AbortController()
  const tasks = new Map<string, Task>()
  let waking = new AbortController()
  let running = Promise.resolve()
  let healthy = true
  let failed = false

  /** A task ends by itself when its webhook is none of ours any more; the next look begins it again, if it is to be. */
  function begin(webhook: Webhook): void {
    const ends = new AbortController()
    const work = async (): Promise<void> => {
      try {
        await deliver(parts, webhook, ends.signal)
      } catch (error) {
        if (!ends.signal.aborted) trouble(error)
      } finally {
        tasks.delete(webhook.id)
      }
    }
    tasks.set(webhook.id, { revision: webhook.revision, ends, ended: work() })
  }

  function trouble(error: unknown): void {
    if (healthy) log.warn({ err: error }, 'Cannot deliver webhooks; trying again')
    healthy = false
    failed = true
  }

  /** Ends some tasks; none of them sends anything afterwards. */
  async function end(some: Iterable<Task>): Promise<void> {
    const ending = [...some]
    for (const { ends } of ending) ends.abort()
    await Promise.all(ending.map(({ ended }) => ended))
  }

  async function look(): Promise<void> {
    if (!leading()) return end(tasks.values())
    const webhooks = await progress.active()
    const revisions = new Map(webhooks.map(({ id, revision }) => [id, revision]))
    await end([...tasks].flatMap(([id, task]) => (revisions.get(id) === task.revision ? [] : [task])))
    for (const webhook of webhooks) if (!tasks.has(webhook.id) && !closing.signal.aborted) begin(webhook)
  }

  async function round(): Promise<void> {
    if (waking.signal.aborted) waking = new AbortController()
    healthy = !failed
    failed = false
    await look().catch(trouble)
    const signal = AbortSignal.any([waking.signal, closing.signal])
    await delay(limits.webhookPollMs, null, { signal }).catch(() => {})
  }

  return {
    wake: () => waking.abort(),
    run() {
      const work = async (): Promise<void> => {
        while (!closing.signal.aborted) await round()
        await end(tasks.values())
      }
      return (running = work())
    },
    async stop() {
      closing.abort()
      await running
    }
  }
}
