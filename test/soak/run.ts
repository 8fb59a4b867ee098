/**
 * `npm run soak -- --minutes 30 [--seed 1]`: the soak by itself, on servers of its own. It writes docs/soak/result.json, from which
 * `npm run docs` makes docs/soak.md, and fails where a promise is broken; with `--minutes` below 20, nothing is written, and
 * nothing is said of memory. Wants Mosquitto and a build.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { hold, settle } from '../faults/story.ts'
import { createWorld } from '../faults/world.ts'
import { endAll } from '../support/cleanup.ts'
import type { SoakResult } from './document.ts'
import { resultFile } from './document.ts'
import { strikes } from './strikes.ts'
import { soak, soakPromise } from './soak.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    every: { type: 'string' },
    only: { type: 'string' }
  }
})
const number = (text: string | undefined, otherwise: number): number => {
  const given = text === undefined ? otherwise : Number(text)
  if (!(given > 0)) throw new Error(`${text} is no number above 0`)
  return given
}
const minutes = number(values.minutes, 30)
const seed = number(values.seed, 1 + Math.floor(Math.random() * 1e6))
const everySeconds = number(values.every, 20)
/** Shorter runs say nothing of memory: what is bounded has not been filled. */
const longMinutesMin = 20
/** By then what is bounded is full: 20,000 facts, 50,000 datapoints in memory. */
const warmUpMinutes = 8
/** Of the samples of memory, which are one a second. */
const samplesPerKept = 30
const rounded = (_name: string, value: unknown): unknown =>
  typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value
const isLong = minutes >= longMinutesMin
/** Part of the names of faults, to look at those alone. */
const only = values.only === undefined ? undefined : new RegExp(values.only)
const promise = soakPromise({ memory: isLong })

const world = createWorld((words) => console.log(words))
let failed = false
try {
  const details = await soak(world, {
    minutes,
    warmUpMinutes: isLong ? warmUpMinutes : minutes / 3,
    everySeconds,
    rests: Math.max(2, Math.min(5, Math.round(minutes / 2))),
    rotateEverySeconds: 30,
    seed,
    ...(only !== undefined && { strikes: Object.keys(strikes).filter((name) => only.test(name)) })
  })
  const figures = await settle(world, {})
  const result: SoakResult = {
    seed,
    minutes,
    everySeconds,
    node: process.version,
    cores: cpus().length,
    promise,
    figures,
    details
  }
  console.log(JSON.stringify({ ...result, details: { ...details, memory: undefined } }, null, 2))
  const { megabytesPerMinute, reachableMegabytes } = details.memory
  const resident = isLong ? `${megabytesPerMinute.toFixed(3)} MB/min` : 'too short to say'
  console.log(
    `Resident memory: ${resident}; reachable ${reachableMegabytes.map(Math.round).join(', then ')} MB`
  )
  if (isLong && only === undefined) {
    mkdirSync(new URL('./', resultFile), { recursive: true })
    const samples = details.memory.samples.filter((_, index) => index % samplesPerKept === 0)
    const kept = { ...result, details: { ...details, memory: { ...details.memory, samples } } }
    writeFileSync(resultFile, `${JSON.stringify(kept, rounded, 2)}\n`)
  }
  hold(figures, promise)
  console.log('Every promise is kept')
} catch (error) {
  console.error(error)
  for (const service of world.services) console.error(service.output().slice(-2_000))
  failed = true
} finally {
  await world.end()
  await endAll().catch((error: unknown) => console.error(error))
}
process.exit(failed ? 1 : 0)
