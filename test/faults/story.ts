/**
 * One scenario, from the first message to the ledger: `story` runs it in a world of its own (broker, database, service,
 * publishers), and holds it to its promise at the end. With FAULTS_RESULTS=path each appends its figures there, as one
 * line of JSON; FULL=1 runs the counts that documentation quotes.
 */

import assert from 'node:assert/strict'
import { appendFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { Reckoning } from './ledger.ts'
import { reckonWhenQuiet } from './ledger.ts'
import type { Figures, Result } from './result.ts'
import { imbalance } from './rialto.ts'
import type { World } from './world.ts'
import { createWorld } from './world.ts'

export const full = process.env['FULL'] === '1'

/** The count or the time of a full run, or of a reduced one. */
export const sized = (ofFull: number, reduced: number): number => (full ? ofFull : reduced)

/** Longer than any reconnect or retry of the service takes. */
const patienceMsDefault = 15_000

export interface StoryOptions {
  /** Of the catalogue of faults. */
  id: string
  qos?: 0 | 1 | 2
  /** The most that a figure may be. Where nothing else is said, nothing is lost, out of order, stale or unaccounted, and no process dies. */
  promise?: Figures
  /** A negative control: a safeguard is missing, and these figures must be above 0. Nothing else is asked. */
  shows?: readonly string[]
  /** How long the end may take, until everything is quiet. */
  quietWithinMs?: number
}

/** What every story promises. */
export const always: Figures = {
  lost: 0,
  outOfOrder: 0,
  staleTopics: 0,
  foundAgain: 0,
  unaccounted: 0,
  died: 0
}

export function story(name: string, options: StoryOptions, scenario: (world: World) => Promise<void>): void {
  const { id, qos, shows } = options
  // QoS 2 is exactly once in the store, and leaves no identifier behind
  const promise = { ...always, ...(qos === 2 && { repeated: 0, openPackets: 0 }), ...options.promise }
  test(`${id}: ${name}${qos === undefined ? '' : `, QoS ${qos}`}`, async (t) => {
    const world = createWorld((words) => t.diagnostic(words))
    const begun = Date.now()
    try {
      await scenario(world)
      const figures = await settle(world, options)
      const result: Result = { id, name, qos: qos ?? null, full, shows: shows ?? null, promise, figures }
      t.diagnostic(`${JSON.stringify(figures)} in ${Date.now() - begun} ms`)
      const results = process.env['FAULTS_RESULTS']
      if (results !== undefined) await appendFile(results, `${JSON.stringify(result)}\n`)
      if (shows === undefined) hold(figures, promise)
      else
        for (const figure of shows)
          assert.ok(figures[figure]! > 0, `${figure} is 0: this story proves nothing`)
    } catch (error) {
      for (const service of world.services)
        t.diagnostic(`The service said: ${service.output().slice(-2_000)}`)
      throw error
    } finally {
      await world.end()
    }
  })
}

/** Throws where a figure is more than was promised. */
export function hold(figures: Figures, promise: Figures): void {
  const broken = Object.entries(promise).filter(([figure, most]) => !(figures[figure]! <= most))
  assert.deepEqual(
    Object.fromEntries(broken.map(([figure]) => [figure, figures[figure]])),
    {},
    `promised at most ${JSON.stringify(promise)}`
  )
}

/** Waits until everything owed is in the journal and nothing is on its way, and reckons; or until nothing comes any more. */
export async function quiet(
  world: World,
  { withinMs = 120_000, patienceMs = patienceMsDefault } = {}
): Promise<Reckoning> {
  const alive = world.services.filter((service) => service.watched())
  const activity = async (): Promise<number> => {
    let sum = 0
    for (const service of alive) {
      const metrics = await service.metrics()
      sum += metrics.get('messages_received_total')! + metrics.get('messages_held')! / 2
    }
    return sum
  }
  return reckonWhenQuiet({
    url: world.databaseUrl(),
    publishers: world.publishers,
    activity,
    patienceMs,
    withinMs
  })
}

/** Waits until what was published is stored, or is lost, and reckons. */
export async function settle(
  world: World,
  { quietWithinMs, shows }: Pick<StoryOptions, 'quietWithinMs' | 'shows'>
): Promise<Figures> {
  const { publishers, services, notes } = world
  await Promise.all(publishers.map((publisher) => publisher.finished))
  const reckoning = await quiet(world, {
    ...(quietWithinMs !== undefined && { withinMs: quietWithinMs }),
    // A control waits for nothing: that something is missing is what it shows
    ...(shows !== undefined && { patienceMs: 4_000 })
  })
  const totals = services.map((service) => service.totals())
  const sum = (pick: (of: (typeof totals)[number]) => number): number =>
    totals.reduce((all, of) => all + pick(of), 0)
  const alive = services.filter((service) => service.watched())
  return {
    ...reckoning,
    unaccounted: alive.reduce((all, service) => all + Math.abs(imbalance(service.lastMetrics())), 0),
    died: sum((of) => of.died),
    reconnects: sum((of) => of.reconnects),
    restarts: sum((of) => of.processes - 1),
    restartMsMax: Math.max(0, ...totals.map((of) => of.restartMsMax)),
    peakMemoryMb: Math.max(0, ...totals.map((of) => of.peakMemoryMb)),
    ...notes
  }
}

export type { World }
