/** What is set for `default` stays set over a start, unless RIALTO_RETENTION says something else. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readConfig } from '../../src/config.ts'
import { createDatabase, query } from '../support/database.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'

test('what was set last stays over a start, and RIALTO_RETENTION sets it anew', async () => {
  const { url: mqttUrl } = await startBroker()
  const databaseUrl = await createDatabase()
  const start = async (retention: string | undefined) => {
    const config = { retention: readConfig({ RIALTO_RETENTION: retention }).retention }
    const bridge = await startBridge({ mqttUrl, databaseUrl, config })
    const kept = async () =>
      query<{ keep_seconds: string; keep_bytes: string | null }>(
        databaseUrl,
        `select keep_seconds, keep_bytes from retention_classes where name = 'default'`
      )
    return { bridge, kept: (await kept())[0]! }
  }
  const first = await start(undefined)
  assert.deepEqual([first.kept.keep_seconds, first.kept.keep_bytes].map(Number), [7 * 86_400, 10e9])
  const { status } = await fetch(`${first.bridge.url}/v1/retention/classes/default`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keepSeconds: 3_600 })
  })
  assert.equal(status, 200)
  await first.bridge.close()
  const second = await start(undefined)
  assert.deepEqual([Number(second.kept.keep_seconds), second.kept.keep_bytes], [3_600, null])
  await second.bridge.close()
  const third = await start('2d')
  assert.equal(Number(third.kept.keep_seconds), 2 * 86_400)
  await third.bridge.close()
})
