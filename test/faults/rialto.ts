/** The built service under test: killed and started again at will, and watched all the time. */

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { eventually } from '../support/eventually.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'

/** Values of /metrics by name, without their prefix. */
export type Metrics = ReadonlyMap<string, number>

export interface Rialto {
  /** Of the process that runs now. */
  url: string
  pid: number
  output(): string
  /** Starts a process, and waits until it is ready; returns how long that took from the spawn. */
  start(): Promise<number>
  /** Starts a process that may be killed before it is ready. */
  launch(): Promise<void>
  /** SIGKILL in this very moment: for a proxy that has just seen the point. */
  killNow(): void
  /** Resolves when the process has ended, however it did. */
  ended(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<{ code: number | null; ms: number }>
  metrics(): Promise<Metrics>
  /** The last that were read, of this process. */
  lastMetrics(): Metrics
  isReady(): Promise<boolean>
  /** It runs, as far as we know. */
  watched(): boolean
  /** Over all processes so far. */
  totals(): {
    died: number
    reconnects: number
    processes: number
    peakMemoryMb: number
    restartMsMax: number
  }
}

const sampleMs = 400

export function createRialto(environment: Record<string, string>, options: { entry?: string } = {}): Rialto {
  let service: Service | null = null
  let child: ChildProcess | null = null
  let last: Metrics = new Map()
  let reconnects = 0
  let died = 0
  let processes = 0
  /** What the process says before it is ready. */
  let early = ''
  let peakKb = 0
  let restartMsMax = 0
  let sampling: NodeJS.Timeout | null = null
  /** Those that ended because we wanted it. */
  const killed = new Set<ChildProcess>()

  /** The high-water mark goes with the process. */
  function readPeak(): void {
    try {
      const status = readFileSync(`/proc/${child?.pid}/status`, 'utf8')
      peakKb = Math.max(peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    } catch {
      // It has ended; the last sample stands
    }
  }

  async function sample(): Promise<void> {
    readPeak()
    await rialto.metrics().catch(() => {})
  }

  function forget(): void {
    if (sampling !== null) clearInterval(sampling)
    sampling = null
    reconnects += reconnectsOf(last)
    last = new Map()
  }

  function onSpawn(spawned: ChildProcess): void {
    child = spawned
    early = ''
    spawned.stdout?.on('data', (data: Buffer) => (early += data.toString()))
    spawned.once('exit', () => {
      if (!killed.has(spawned)) died++
    })
  }

  async function spawn(): Promise<void> {
    forget()
    processes++
    service = await startService(environment, {
      ...(options.entry !== undefined && { entry: options.entry }),
      onSpawn
    })
    rialto.url = service.url
    rialto.pid = child!.pid!
    sampling = setInterval(() => void sample(), sampleMs)
  }

  const rialto: Rialto = {
    url: '',
    pid: 0,
    output: () => service?.output() ?? early,
    async start() {
      const begun = performance.now()
      await spawn()
      await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready' })
      const ms = performance.now() - begun
      if (processes > 1) restartMsMax = Math.max(restartMsMax, ms)
      return ms
    },
    launch: () => spawn().catch(() => {}),
    killNow() {
      readPeak()
      if (child !== null) killed.add(child)
      child?.kill('SIGKILL')
      forget()
    },
    async ended() {
      if (child !== null && isRunning(child)) await once(child, 'exit')
    },
    async kill(signal) {
      let begun = performance.now()
      if (child !== null && isRunning(child)) {
        await sample()
        begun = performance.now()
        killed.add(child)
        child.kill(signal)
        await once(child, 'exit')
      }
      forget()
      return { code: child?.exitCode ?? null, ms: performance.now() - begun }
    },
    async metrics() {
      const of = service
      const response = await fetch(`${rialto.url}/metrics`, { signal: AbortSignal.timeout(4_000) })
      const found = parse(await response.text())
      if (of === service) last = found
      return found
    },
    lastMetrics: () => last,
    watched: () => sampling !== null,
    isReady: async () =>
      (await fetch(`${rialto.url}/readyz`, { signal: AbortSignal.timeout(4_000) })).status === 200,
    totals: () => ({
      died,
      reconnects: reconnects + reconnectsOf(last),
      processes,
      peakMemoryMb: Math.ceil(peakKb / 1_024),
      restartMsMax: Math.round(restartMsMax)
    })
  }
  return rialto
}

/** The first connection of a process is none. */
const reconnectsOf = (metrics: Metrics): number => Math.max(0, (metrics.get('mqtt_connects_total') ?? 0) - 1)

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

function parse(text: string): Metrics {
  const found = new Map<string, number>()
  for (const [, name, value] of text.matchAll(/^rialto_(\w+) (\S+)$/gm)) found.set(name!, Number(value))
  return found
}

/** What promise 6 says of every message: 0 when nothing is between the counts. */
export function imbalance(metrics: Metrics): number {
  const of = (name: string): number => metrics.get(name) ?? Number.NaN
  return (
    of('messages_received_total') -
    of('messages_stored_total') -
    of('messages_duplicate_total') -
    of('messages_confirmed_total') -
    of('messages_left_to_other_session_total') -
    of('messages_held') -
    of('messages_abandoned_total')
  )
}
