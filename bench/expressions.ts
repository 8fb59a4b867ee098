/**
 * `npm run bench expressions`: ways to select values of JSON, for decision 0008. The libraries are installed into a folder of
 * their own for the run; each task runs in a process that is ended after five seconds, with 512 MiB.
 */

import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const candidates = {
  'json-pointer': '0.6.2',
  jmespath: '0.16.0',
  '@jmespath-community/jmespath': '1.3.0',
  '@aws-lambda-powertools/jmespath': '2.36.0',
  jsonata: '2.2.2'
}

const tasks = [
  'plain',
  'filter',
  'bigint',
  'inherited',
  'many items',
  'doubling 25 times',
  'text of a shared value',
  'endless loop',
  'regular expression',
  'deep document'
]

const secondsMax = 5

export async function benchExpressions(write: (line: string) => void): Promise<object[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rialto-expressions-'))
  writeFileSync(join(folder, 'package.json'), '{"private": true}')
  const packages = Object.entries(candidates).map(([name, version]) => `${name}@${version}`)
  execFileSync('npm', [
    'install',
    '--prefix',
    folder,
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    ...packages
  ])
  const results: object[] = []
  for (const candidate of [...Object.keys(candidates), 'ours']) {
    const found: Record<string, object> = {}
    for (const task of tasks) found[task] = await run(folder, candidate, task)
    results.push({ candidate, ...about(folder, candidate), tasks: found })
    write(`\n${candidate}`)
    for (const [task, result] of Object.entries(found))
      write(`  ${task.padEnd(24)} ${JSON.stringify(result)}`)
  }
  return results
}

async function run(folder: string, candidate: string, task: string): Promise<object> {
  const script = new URL('./expression-candidate.ts', import.meta.url).pathname
  const args = ['--max-old-space-size=512', '--import', 'tsx', script, folder, candidate, task]
  try {
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      timeout: secondsMax * 1_000,
      killSignal: 'SIGKILL'
    })
    return JSON.parse(stdout) as object
  } catch (error) {
    const killed = (error as { killed?: boolean }).killed === true
    return { result: killed ? `not done after ${secondsMax} s` : 'out of memory' }
  }
}

function about(folder: string, candidate: string): object {
  if (candidate === 'ours') return { version: 'src/normalize/expression.ts' }
  const { version, license } = JSON.parse(
    readFileSync(join(folder, 'node_modules', candidate, 'package.json'), 'utf8')
  ) as { version: string; license: string }
  return { version, license }
}
