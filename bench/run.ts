/** `npm run bench [name]`: runs benchmarks, prints them, and keeps the results with what they ran on. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { endAll } from '../test/support/cleanup.ts'
import { benchAccess } from './access.ts'
import { benchAnswers } from './answers.ts'
import { benchAppend } from './append.ts'
import { benchAsOf } from './as-of.ts'
import { benchCommands } from './commands.ts'
import { benchConventions } from './conventions.ts'
import { benchHistory } from './history.ts'
import { benchHistoryBytes } from './history-bytes.ts'
import { benchIngest } from './ingest.ts'
import { benchExpressions } from './expressions.ts'
import { benchNormalize } from './normalize.ts'
import { benchProjected } from './projected.ts'
import { benchProjection } from './projection.ts'
import { benchReads } from './reads.ts'
import { benchRollups } from './rollups.ts'
import { benchScanner } from './scanner.ts'
import { benchSubscribers } from './subscribers.ts'
import { benchTopics } from './topics.ts'

const benchmarks: Record<string, (write: (line: string) => void) => Promise<object[]>> = {
  access: benchAccess,
  ingest: benchIngest,
  answers: benchAnswers,
  append: benchAppend,
  projected: benchProjected,
  projection: benchProjection,
  rollups: benchRollups,
  scanner: benchScanner,
  topics: benchTopics,
  reads: benchReads,
  'as-of': benchAsOf,
  history: benchHistory,
  'history-bytes': benchHistoryBytes,
  subscribers: benchSubscribers,
  normalize: benchNormalize,
  expressions: benchExpressions,
  conventions: benchConventions,
  commands: benchCommands
}
const wanted = process.argv.slice(2)
const names = wanted.length > 0 ? wanted : Object.keys(benchmarks)

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
const environment = {
  date: new Date().toISOString(),
  commit: git('rev-parse', '--short', 'HEAD'),
  node: process.version,
  cpu: `${cpus().length} x ${cpus()[0]?.model.trim()}`,
  memoryGiB: Math.round(totalmem() / 2 ** 30)
}
const write = (line: string): void => void process.stdout.write(`${line}\n`)
write(Object.values(environment).join(' | '))
try {
  for (const name of names) {
    const benchmark = benchmarks[name]
    if (benchmark === undefined)
      throw new Error(`No benchmark ${name}; there are ${Object.keys(benchmarks).join(', ')}`)
    write(`\n${name}`)
    const results = await benchmark(write)
    mkdirSync('bench/results', { recursive: true })
    writeFileSync(`bench/results/${name}.json`, `${JSON.stringify({ environment, results }, null, 2)}\n`)
  }
} finally {
  await endAll() // also where one fails: nothing is left running
}
