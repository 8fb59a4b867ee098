/**
 * Runs test files against one embedded Postgres: `node --import tsx test/run.ts FOLDER|FILE...`. Of the folder `test`, all
 * but those that need more than Node: `brokers`, `examples`, `faults` and `prism`. With RIALTO_TEST_PRISM=1 everything
 * that they ask of REST passes through Prism.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { startPrism } from './prism/proxy.ts'

async function testFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path]
  const entries = await readdir(path, { recursive: true })
  return entries
    .filter(
      (entry) =>
        entry.endsWith('.test.ts') && !(path === 'test' && /^(brokers|examples|faults|prism)\b/.test(entry))
    )
    .map((entry) => join(path, entry))
    .toSorted()
}

const files = (await Promise.all(process.argv.slice(2).map(testFiles))).flat()
const prism = process.env['RIALTO_TEST_PRISM'] === '1' ? await startPrism() : null
const given = process.env['TEST_DATABASE_URL']
const dataDir = await mkdtemp(join(tmpdir(), 'rialto-test-'))
const postgres =
  given === undefined
    ? await startEmbeddedPostgres({
        dataDir,
        log: pino({ level: 'silent' }),
        // For the services of two files at once
        limits: { connectionsMax: 300 }
      })
    : null
const child = spawn(
  process.execPath,
  [
    '--import',
    'tsx',
    '--test',
    '--test-concurrency=2',
    // Of a file, too; full runs take longer
    `--test-timeout=${process.env['FULL'] === '1' ? 3_600_000 : 600_000}`,
    '--test-reporter=spec',
    ...files
  ],
  {
    stdio: 'inherit',
    env: { ...process.env, TEST_DATABASE_URL: given ?? postgres!.url, ...prism?.environment }
  }
)
const [code] = (await once(child, 'exit')) as [number | null]
const prismSaw = await prism?.stop()
await postgres?.stop()
await rm(dataDir, { recursive: true, force: true })
process.exitCode = code ?? 1
if (prismSaw !== undefined) console.log(`Prism saw ${prismSaw} exchanges`)
if (prismSaw === 0) process.exitCode = 1
