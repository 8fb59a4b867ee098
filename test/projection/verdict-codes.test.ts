import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { verdictCodes } from '../../src/projection/verdict-codes.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

test('docs/explain.md has the codes, in the order in which they are found', () => {
  const rows = [...read('docs/explain.md').matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, code, meaning]) => [
    code,
    meaning
  ])
  assert.deepEqual(rows, Object.entries(verdictCodes))
})

test('every code is given somewhere', () => {
  const code = readdirSync(new URL('src/projection/', root))
    .filter((name) => name !== 'verdict-codes.ts')
    .map((name) => read(`src/projection/${name}`))
    .join('\n')
  const looks = read('src/datapoints.ts')
  for (const one of Object.keys(verdictCodes))
    assert.ok(`${code}${looks}`.match(new RegExp(`\\b${one}\\b`)), one)
})
