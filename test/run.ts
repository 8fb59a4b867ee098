/**
 * Runs test files against one embedded Postgres: `node --import tsx test/run.ts FOLDER|FILE...`. Of the folder `test`, all
 * but those that need more than Node: `attacks`, `brokers`, `examples`, `faults`, `prism` and `prometheus`. With RIALTO_TEST_PRISM=1 everything
 * that they ask of REST passes through Prism. At the end, everything that was written is looked through for secrets
 * (support/canaries.ts): any that is found fails the run, and stays in its file.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { startPrism } from './prism/proxy.ts'
import { createFinder } from './support/canaries.ts'

async function testFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path]
  const entries = await readdir(path, { recursive: true })
  return entries
    .filter(
      (entry) =>
        entry.endsWith('.test.ts') &&
        !(path === 'test' && /^(attacks|brokers|examples|faults|prism|prometheus)\b/.test(entry))
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
const captured = await mkdtemp(join(tmpdir(), 'rialto-captured-'))
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
    stdio: ['inherit', 'pipe', 'pipe'],
    env: {
      ...(process.stdout.isTTY && { FORCE_COLOR: '1' }),
      ...process.env,
      TEST_DATABASE_URL: given ?? postgres!.url,
      RIALTO_TEST_CAPTURE: captured,
      ...prism?.environment
    }
  }
)
const runner = createWriteStream(join(captured, 'runner.txt'))
for (const [from, to] of [
  [child.stdout, process.stdout],
  [child.stderr, process.stderr]
] as const)
  from.on('data', (data: Buffer) => {
    runner.write(data)
    to.write(data)
  })
const [code] = (await once(child, 'close')) as [number | null]
const prismSaw = await prism?.stop()
await postgres?.stop()
await rm(dataDir, { recursive: true, force: true })
process.exitCode = code ?? 1
await once(runner.end(), 'close')
if (!(await isWithoutSecrets())) process.exitCode = 1
if (prismSaw !== undefined) console.log(`Prism saw ${prismSaw} exchanges`)
if (prismSaw === 0) process.exitCode = 1

async function isWithoutSecrets(): Promise<boolean> {
  const password = new URL(given ?? postgres!.url).password
  // That of a server that others run may be a word like any other
  const find = createFinder(password.length >= 16 ? { 'the password of the database': password } : {})
  const found: string[] = []
  let bytes = 0
  for (const name of await readdir(captured)) {
    const file = join(captured, name)
    const text = await readFile(file, 'utf8')
    bytes += text.length
    for (const one of find(text)) found.push(`${file}:${one.line} has ${one.name}`)
  }
  if (found.length === 0) await rm(captured, { recursive: true })
  console.log(`Secrets in ${bytes} characters of output: ${found.length}`)
  for (const line of found.slice(0, 100)) console.error(line)
  return found.length === 0
}
