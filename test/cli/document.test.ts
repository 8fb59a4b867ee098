/** What docs/access.md shows of keys is run as it is written, on the whole service. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { connectClient } from '../support/mqtt.ts'
import { eventually } from '../support/eventually.ts'

const document = await readFile(new URL('../../docs/access.md', import.meta.url), 'utf8')
const command = new URL('../../dist/cli.js', import.meta.url).pathname
const section = document.slice(document.indexOf('### Keys'), document.indexOf('### Tokens'))
const blocks = [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!)

test('the examples of keys do what is said', async () => {
  const broker = await startBroker()
  const app = await startBridge({ mqttUrl: broker.url, config: { anonymous: false, apiKey: 'k'.repeat(16) } })
  const { client } = await connectClient(broker.url)
  await client.publishAsync('demo/lab/telemetry', '{"temperature":21}', { qos: 1 })
  await eventually(async () => {
    const topics = await fetch(`${app.url}/v1/topics`, {
      headers: { authorization: `Bearer ${'k'.repeat(16)}` }
    })
    return ((await topics.json()) as { items: unknown[] }).items.length > 0
  })
  const bin = await mkdtemp(join(tmpdir(), 'rialto-bin-'))
  atEnd(() => rm(bin, { recursive: true, force: true }))
  await writeFile(join(bin, 'rialto'), `#!/bin/sh\nexec "${process.execPath}" "${command}" "$@"\n`)
  await chmod(join(bin, 'rialto'), 0o755)
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    HOME: process.env['HOME'],
    DATABASE_URL: app.databaseUrl,
    URL: app.url
  }
  const script = blocks.join('\necho; echo "-- next"\n')
  const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { env })
  const [made, posted, rotated] = stdout.split('-- next\n')
  assert.match(made!, /"topic":"demo\/lab\/telemetry"/)
  assert.match(made!, / active +operations +admin /)
  assert.match(made!, / active +dashboard +read:topic:demo\/# command:topic:demo\/lab\/# /)
  assert.match(JSON.parse(posted!).key, /^rialto_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.equal(rotated, '200\n200\n401\n')
})
