/** What a process takes, as the system tells it: resident memory and descriptors. */

import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import type { Instance } from '../faults/pair.ts'
import { pause } from '../faults/provocations.ts'

export interface Sample {
  minute: number
  megabytes: number
}

export const residentMegabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024

/** Ends of TCP connections by IPv4 on this machine, by their inodes (proc(5), `/proc/net/tcp`). */
function tcpEnds(): Map<string, { localPort: number; remotePort: number; established: boolean }> {
  const ends = new Map<string, { localPort: number; remotePort: number; established: boolean }>()
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, state, , , , , , inode] = line.trim().split(/\s+/)
    if (inode === undefined) continue
    const port = (address: string): number => Number.parseInt(address.split(':')[1]!, 16)
    ends.set(inode, { localPort: port(local!), remotePort: port(remote!), established: state === '01' })
  }
  return ends
}

/** What a process has open. */
export interface Descriptors {
  /** Without what its clients hold open. */
  own: number
  /** Of these, connections by the port at their other end; 0: all that is no connection. */
  byPort: Record<number, number>
}

/**
 * A connection that a client keeps for its next request is the client's: it is not counted. One that the client has left,
 * and the service has not closed, is.
 */
export function descriptorsOf(pid: number, httpPort: number): Descriptors {
  const folder = `/proc/${pid}/fd`
  const names = readdirSync(folder)
  const ends = tcpEnds()
  const found: Descriptors = { own: 0, byPort: {} }
  for (const name of names) {
    const end = ends.get(/socket:\[(\d+)\]/.exec(target(`${folder}/${name}`))?.[1] ?? '')
    if (end?.localPort === httpPort && end.established) continue
    found.own++
    const port = end?.remotePort ?? 0
    found.byPort[port] = (found.byPort[port] ?? 0) + 1
  }
  return found
}

/** It may have been closed meanwhile. */
function target(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** Of the line through the samples with the least squares, in MB per minute; 0 where there are fewer than two. */
export function slope(samples: readonly Sample[]): number {
  const mean = (pick: (of: Sample) => number): number =>
    samples.reduce((sum, of) => sum + pick(of), 0) / samples.length
  const [minute, megabytes] = [mean((of) => of.minute), mean((of) => of.megabytes)]
  const product = samples.reduce((sum, of) => sum + (of.minute - minute) * (of.megabytes - megabytes), 0)
  const square = samples.reduce((sum, of) => sum + (of.minute - minute) ** 2, 0)
  return square === 0 ? 0 : product / square
}

export interface Watch {
  /** Since it began. */
  samples: Sample[]
  stop(): void
}

/** `pid` may change, where a process is killed and started again; what cannot be read is left out. */
export function watchMemory(pid: () => number, everyMs: number): Watch {
  const begun = performance.now()
  const samples: Sample[] = []
  const timer = setInterval(() => {
    try {
      samples.push({ minute: (performance.now() - begun) / 60_000, megabytes: residentMegabytes(pid()) })
    } catch {
      // It is about to be started again
    }
  }, everyMs)
  return { samples, stop: () => clearInterval(timer) }
}

export interface Rest {
  minute: number
  /** The least within `restMs`: of what is open for a moment, nothing is in it. */
  descriptors: number
  /** Of these: what is to Postgres, to the broker, and anything else. */
  toPostgres: number
  toBroker: number
}

/** Longer than connections of the pool, and of clients that are gone, are kept. */
const restMs = 20_000

export async function restOf({ rialto, mqtt, postgres }: Instance, minute: number): Promise<Rest> {
  const end = performance.now() + restMs
  const httpPort = Number(new URL(rialto.url).port)
  let least: Descriptors = { own: Infinity, byPort: {} }
  while (performance.now() < end) {
    const now = descriptorsOf(rialto.pid, httpPort)
    if (now.own < least.own) least = now
    await pause(100)
  }
  const { own, byPort } = least
  return {
    minute,
    descriptors: own,
    toPostgres: byPort[postgres.port] ?? 0,
    toBroker: byPort[mqtt.port] ?? 0
  }
}
