/** The committed openapi.yaml is what the code says, and what tools accept. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { openapiYaml } from '../../src/http/openapi.ts'
import { createBareServer } from './server.ts'

const root = new URL('../../', import.meta.url)
const committed = await readFile(new URL('openapi.yaml', root), 'utf8')

test('openapi.yaml is current', async () => {
  assert.equal(committed, await openapiYaml(), 'run: node --import tsx src/http/openapi.ts')
})

const lint = (tool: string, ...options: string[]): Promise<unknown> =>
  promisify(execFile)(
    new URL(`node_modules/.bin/${tool}`, root).pathname,
    ['lint', ...options, 'openapi.yaml'],
    {
      cwd: root,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
    }
  ).catch((error: { stdout: string; stderr: string }) => assert.fail(error.stdout + error.stderr))

test('redocly accepts it, without a warning', async () => {
  const said = (await lint('redocly', '--config=docs/openapi/redocly.yaml', '--format=json')) as {
    stdout: string
  }
  assert.deepEqual(JSON.parse(said.stdout).totals, { errors: 0, warnings: 0, ignored: 0 })
})

test('spectral accepts it, without a warning', async () => {
  await lint('spectral', '--ruleset=docs/openapi/spectral.yaml', '--fail-severity=warn')
})

interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  responses: object
}

test('every operation says what it does, and how it refuses', () => {
  const { paths } = parse(committed) as { paths: Record<string, Record<string, Operation>> }
  const ids = new Set<string>()
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { operationId, summary, description, tags, responses }] of Object.entries(
      operations
    )) {
      const what = `${method} ${path}`
      assert.ok(operationId && summary && description && tags.length === 1, what)
      assert.ok(!ids.has(operationId), `${operationId} twice`)
      ids.add(operationId)
      const codes = Object.keys(responses)
      assert.ok(codes.some((code) => code.startsWith('2')) && codes.includes('422'), what)
      if (path.startsWith('/v1')) assert.ok(codes.includes('401') && codes.includes('400'), what)
    }
  }
  assert.ok(ids.size > 20)
})

test('the page that shows it needs no internet', async () => {
  const app = await createBareServer()
  const served = await app.inject('/openapi.yaml')
  assert.equal(served.headers['content-type'], 'application/yaml')
  const page = await app.inject('/docs/')
  assert.equal(page.statusCode, 200)
  assert.ok(!/(src|href)="(https?:)?\/\//.test(page.body), 'something comes from elsewhere')
  assert.match(page.headers['content-security-policy'] as string, /default-src 'self'/)
  assert.doesNotMatch(page.headers['content-security-policy'] as string, /upgrade-insecure-requests|https:/)
  for (const [, file] of page.body.matchAll(/(?:src|href)="\.\/(static\/[^"]+)"/g)) {
    assert.equal((await app.inject(`/docs/${file}`)).statusCode, 200, file)
  }
})
