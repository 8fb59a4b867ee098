/** What an attack leaves behind: a file of what its tool said, and a line of JSON, in the folder that ATTACKS_RESULTS names. */

import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Liveness } from './liveness.ts'

export interface Result extends Liveness {
  /** The name of its file, without `.txt`. */
  name: string
  what: string
  /** With its version. */
  tool: string
  seconds: number
  found: string
}

const folder = process.env['ATTACKS_RESULTS']

export function keepResult(result: Result, said: string): void {
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${result.name}.txt`), said)
  appendFileSync(join(folder, 'results.jsonl'), `${JSON.stringify(result)}\n`)
}

/** The last of each attack, in the order they were run. */
export function readResults(path: string): Result[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n')
  const all = lines.map((line) => JSON.parse(line) as Result)
  return [...new Map(all.map((result) => [result.name, result])).values()]
}
