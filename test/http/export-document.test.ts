/** The loop of docs/export.md adds each row once, whatever was left behind by what was interrupted. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { point } from '../support/projected.ts'
import { rowsOf } from './exports.ts'
import { startProjected } from './projected.ts'

const { url, project } = await startProjected()
const document = await readFile(new URL('../../docs/export.md', import.meta.url), 'utf8')
const script = /```sh\n(#![^]*?)```/.exec(document)![1]!.replaceAll('http://127.0.0.1:3000', url)
assert.ok(script.includes(`${url}/v1/export`))
const directory = await mkdtemp(join(tmpdir(), 'rialto-export-'))
const file = join(directory, 'datapoints.ndjson')
const add = () => promisify(execFile)('sh', ['-c', script], { cwd: directory })
const say = (value: number) =>
  project('a', { datapoints: [point('d', 'one', value), point('d', 'two', value)] })
const values = async (): Promise<unknown[]> =>
  rowsOf(await readFile(file), 'ndjson').map(({ value }) => value)

test('what has come since is added, once', async () => {
  await add()
  assert.deepEqual(await values(), [])
  for (const value of [1, 2, 3]) await say(value)
  await add()
  await add()
  await say(4)
  await add()
  assert.deepEqual(await values(), [1, 1, 2, 2, 3, 3, 4, 4])
})

test('what was left behind is not added again', async () => {
  const whole = await readFile(file)
  const lines = whole.toString().split('\n')
  await writeFile(file, `${lines.slice(0, 4).join('\n')}\n`)
  await writeFile(join(directory, 'part.ndjson'), whole)
  await add()
  assert.ok((await readFile(file)).equals(whole))
})

test('a refusal ends it', async () => {
  await writeFile(file, '{"cursor":"nonsense"}\n')
  await assert.rejects(add(), { code: 1 })
})
