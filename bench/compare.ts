/**
 * Several answers to one question, measured in turn, round after round, so that what else the machine does meets them
 * alike. Read the ratios: each is the median of the ratios of its rounds.
 */

import { readFile } from 'node:fs/promises'
import { median } from './cpu.ts'
import type { Load } from './http-load.ts'

export interface Side {
  name: string
  pid: number
  run(how: { connections: number; ms: number }): Promise<Load>
}

export interface Measured {
  side: string
  /** At one connection. */
  p50Ms: number
  /** At `connections`. */
  perSecond: number
  p99Ms: number
  /** CPU time for a question, of the process that answers, and of Postgres. */
  serverUs: number
  postgresUs: number
  /** By how much this takes longer, uses more CPU, and answers less often than the first side. */
  timesP50: number
  timesCpu: number
  timesPerSecond: number
}

const connections = 8
const msAlone = 250
const msTogether = 600
/** Slow questions get more time, so that there are so many of them. */
const questionsMin = 50
const msMax = 3_000

interface Round {
  p50Ms: number
  perSecond: number
  p99Ms: number
  serverUs: number
  postgresUs: number
}

export async function compare(
  sides: readonly Side[],
  backends: () => Promise<number[]>,
  rounds: number
): Promise<Measured[]> {
  const stretch: number[] = []
  for (const side of sides) {
    const { perSecond } = await side.run({ connections, ms: msTogether })
    const ms = (questionsMin / perSecond) * 1_000
    stretch.push(Math.max(1, Math.min(ms, msMax) / msTogether))
  }
  const measured = sides.map((): Round[] => [])
  for (let round = 0; round < rounds; round++) {
    const order = sides.map((_, index) => (round % 2 === 0 ? index : sides.length - 1 - index))
    for (const index of order) measured[index]!.push(await measure(sides[index]!, backends, stretch[index]!))
  }
  const first = measured[0]!
  return sides.map(({ name }, index) => {
    const mine = measured[index]!
    const middle = (of: (round: Round) => number): number => median(mine.map(of))
    const times = (of: (round: Round) => number): number =>
      rounded(median(mine.map((round, at) => of(round) / of(first[at]!))), 2)
    return {
      side: name,
      p50Ms: rounded(
        middle(({ p50Ms }) => p50Ms),
        2
      ),
      perSecond: Math.round(middle(({ perSecond }) => perSecond)),
      p99Ms: rounded(
        middle(({ p99Ms }) => p99Ms),
        1
      ),
      serverUs: Math.round(middle(({ serverUs }) => serverUs)),
      postgresUs: Math.round(middle(({ postgresUs }) => postgresUs)),
      timesP50: times(({ p50Ms }) => p50Ms),
      timesCpu: times(({ serverUs, postgresUs }) => serverUs + postgresUs),
      timesPerSecond: times(({ perSecond }) => 1 / perSecond)
    }
  })
}

async function measure(side: Side, backends: () => Promise<number[]>, stretch: number): Promise<Round> {
  const alone = await side.run({ connections: 1, ms: msAlone * stretch })
  const before = await cpuTimes([side.pid, ...(await backends())])
  const together = await side.run({ connections, ms: msTogether * stretch })
  const after = await cpuTimes([side.pid, ...(await backends())])
  const spent = (pid: number): number => (after.get(pid) ?? 0) - (before.get(pid) ?? 0)
  const postgres = [...after.keys()].filter((pid) => pid !== side.pid)
  return {
    p50Ms: alone.p50Ms,
    perSecond: together.perSecond,
    p99Ms: together.p99Ms,
    serverUs: spent(side.pid) / together.questions,
    postgresUs: postgres.reduce((sum, pid) => sum + spent(pid), 0) / together.questions
  }
}

/** User and system time of each so far, in microseconds. */
async function cpuTimes(pids: readonly number[]): Promise<Map<number, number>> {
  const times = new Map<number, number>()
  for (const pid of pids) {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    times.set(pid, (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10_000)
  }
  return times
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits))
