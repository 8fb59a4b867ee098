/** The counters for Prometheus: read when they are asked for, kept nowhere twice. */

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Counted, Kind } from './counted.ts'
import { fromStats } from './counted.ts'
import { addGauges } from './gauges.ts'
import type { HttpParts } from './parts.ts'

/** Seconds: a disk that keeps up is in the first two. */
const commitBucketsSeconds = [0.005, 0.025, 0.1, 0.5, 2.5]

/** A registry of its own, so that a process can have several servers. Asks `parts` for nothing before it is read. */
export function createMetrics(parts: HttpParts): Registry {
  const { stats } = parts
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  for (const [key, [name, kind, help]] of Object.entries(fromStats) as Array<
    [Counted, [string, Kind, string]]
  >) {
    const options = { name: `rialto_${name}`, help, registers }
    if (kind === 'gauge')
      new Gauge({
        ...options,
        collect() {
          this.set(stats[key])
        }
      })
    else
      new Counter({
        ...options,
        collect() {
          this.reset()
          this.inc(stats[key])
        }
      })
  }
  countBy(registry, 'gaps_total', 'Intervals in which messages may be missing, by cause', 'cause', stats.gaps)
  countBy(
    registry,
    'commands_total',
    'Commands that this instance moved to their end, by what became of them',
    'state',
    stats.commandsFinal
  )
  countBy(
    registry,
    'rejections_total',
    'Messages, or parts of them, that could not be normalized, by reason',
    'reason',
    stats.rejections
  )
  const commits = new Histogram({
    name: 'rialto_commit_duration_seconds',
    help: 'Transactions of the journal and how long each took until its COMMIT was answered, those of messages and of commands',
    buckets: commitBucketsSeconds,
    registers
  })
  stats.commitTook = (seconds) => commits.observe(seconds)
  addGauges(registry, parts)
  return registry
}

/** What is counted by one of a few words. */
function countBy(
  registry: Registry,
  name: string,
  help: string,
  label: string,
  counts: ReadonlyMap<string, number>
): void {
  new Counter({
    name: `rialto_${name}`,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset()
      for (const [word, count] of counts) this.inc({ [label]: word }, count)
    }
  })
}
