/** docs/webhooks.md is true: its webhook is made as it says, its receiver verifies, and its numbers are those of the code. */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { defaultLimits as limits } from '../../src/limits.ts'
import { webhookTypes } from '../../src/webhooks/settings.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { startReceiver } from '../support/webhook-receiver.ts'

const root = new URL('../../', import.meta.url).pathname
const text = await readFile(join(root, 'docs/webhooks.md'), 'utf8')
const blockOf = (kind: string): string => new RegExp(`^\`\`\`${kind}\n(.*?)^\`\`\``, 'ms').exec(text)![1]!

const broker = await startBroker()
const { url } = await startBridge({
  mqttUrl: broker.url,
  config: { webhooksPrivate: true },
  limits: { webhookRetryMsMin: 50, webhookRetryMsMax: 200 }
})

test('its webhook is made, and its receiver takes what is signed, once, and nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-webhooks-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  await writeFile(join(directory, 'receiver.mjs'), blockOf('js'))
  // A port that is free a moment later
  const { port, close } = await startReceiver()
  await close()
  const command = blockOf('sh').replace('http://127.0.0.1:3000', url).replace(':8080', `:${port}`)
  const { stdout } = await promisify(execFile)('bash', ['-c', command])
  const { id, secret } = JSON.parse(stdout) as { id: string; secret: string }

  const receiver = spawn(process.execPath, ['receiver.mjs'], {
    cwd: directory,
    env: { PATH: process.env['PATH'], WEBHOOK_SECRET: secret, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  atEnd(() => receiver.kill('SIGKILL'))
  let output = ''
  receiver.stdout.on('data', (data: Buffer) => (output += data.toString()))
  await eventually(async () => (await postJson(`${url}/v1/webhooks/${id}/ping`, undefined)).body.delivered)

  await postJson(`${url}/v1/commands`, { topic: 'plant/press/set', payload: 1 }, { prefer: 'wait=10' })
  await eventually(() => output.split('\n').length > 2, { what: 'the receiver tells of both' })
  assert.deepEqual(output.trim().split('\n').toSorted(), [
    'command plant/press/set',
    'message plant/press/set'
  ])

  const forged = await request(`http://127.0.0.1:${port}/hook`, {
    method: 'POST',
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
      'webhook-signature': 'v1,AAAA'
    },
    body: '{"type":"rialto.events","data":{"events":[]}}'
  })
  assert.equal(forged.status, 401)
})

test('its numbers and words are those of the code', () => {
  const flat = text.replaceAll(/\s+/g, ' ')
  for (const said of [
    `up to ${limits.webhookEventsMax} events`,
    `${limits.webhookAnswerMsMax / 1_000} seconds from the first byte`,
    `after ${limits.webhookRetryMsMin / 1_000} seconds, 10, 20 and so on up to ${limits.webhookRetryMsMax / 60_000} minutes`,
    `both sign for ${limits.webhookSecretOverlapSeconds / 3_600} hours`,
    `At most ${limits.webhooksMax} webhooks; ${limits.webhookEventsMax} events or ${limits.webhookBodyBytesMax / 2 ** 20} MiB`,
    `${limits.webhooksSendingMax} requests at once; ${limits.webhookPingsMax} pings at once`,
    `of ${webhookTypes.map((type) => `\`${type}\``).join(', ')}`
  ])
    assert.ok(flat.includes(said), said)
})
