/** The built command, beside a service that runs and without one. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/service.ts'

const command = new URL('../../dist/cli.js', import.meta.url).pathname

interface Ran {
  code: number
  out: string
  note: string
}

const rialto = (environment: Record<string, string>, ...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment }
    execFile(process.execPath, [command, ...args], { env }, (error, out, note) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, note })
    )
  })

const status = async (url: string, key: string): Promise<number> =>
  (await fetch(`${url}/v1/topics`, { headers: { authorization: `Bearer ${key}` } })).status

test('keys of a database are made, listed, changed, rotated and revoked, and a service that runs takes them up', async () => {
  const databaseUrl = await createDatabase()
  const run = (...args: string[]): Promise<Ran> => rialto({ DATABASE_URL: databaseUrl }, 'keys', ...args)
  const made = await run(
    'create',
    'press hall',
    '--grant',
    'read:topic:plant/#',
    '--grant=command:device:p',
    '--expires',
    '30d'
  )
  assert.deepEqual([made.code, made.out.split('\n').length], [0, 2], made.note)
  const key = made.out.trim()
  const id = key.split('_')[1]!
  assert.match(key, /^rialto_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
  assert.ok(made.note.includes('read:topic:plant/# command:device:p'))
  assert.ok(!made.note.includes(key))

  const broker = await startBroker()
  const { url } = await startBridge({ mqttUrl: broker.url, databaseUrl, config: { anonymous: false } })
  assert.equal(await status(url, key), 200)
  const second = (await run('create', 'second', '--grant', 'admin', '--json')).out
  const admin = JSON.parse(second) as { id: string; key: string; grants: object[]; createdBy: string }
  assert.deepEqual([admin.grants, admin.createdBy], [[{ role: 'admin' }], `cli:${userInfo().username}`])
  assert.equal(await status(url, admin.key), 200)

  const listed = (await run('list')).out
  assert.match(listed, new RegExp(`${id} +active +press hall +read:topic:plant/# command:device:p +- +2`))
  assert.ok(!listed.includes(key))
  const views = JSON.parse((await run('list', '--json')).out) as Array<{ id: string }>
  assert.deepEqual(
    views.map((view) => view.id),
    [id, admin.id]
  )

  const changed = JSON.parse(
    (await run('change', id, '--tenant', 'acme', '--expires', 'never', '--name', 'hall', '--json')).out
  ) as Record<string, unknown>
  assert.deepEqual([changed['tenant'], changed['expiresAt'], changed['name']], ['acme', null, 'hall'])
  assert.deepEqual(changed['grants'], [
    { role: 'read', topic: 'plant/#' },
    { role: 'command', device: 'p' }
  ])
  assert.ok((await run('change', id, '--tenant', '')).out.includes(' - '))

  const rotated = (await run('rotate', id, '--overlap', '1h')).out.trim()
  assert.deepEqual([await status(url, key), await status(url, rotated)], [200, 200])
  const last = (await run('rotate', id)).out.trim()
  await eventually(async () => (await status(url, rotated)) === 401)
  assert.deepEqual([await status(url, key), await status(url, last)], [401, 200])
  assert.match((await run('revoke', id)).out, /revoked/)
  await eventually(async () => (await status(url, last)) === 401)

  const audit = await query<{ action: string; principal: string }>(
    databaseUrl,
    'select action, principal from audit where subject = $1 order by id',
    [id]
  )
  assert.deepEqual(
    audit.map(({ action }) => action),
    ['createKey', 'changeKey', 'changeKey', 'rotateKey', 'rotateKey', 'revokeKey']
  )
  assert.ok(audit.every(({ principal }) => principal === `cli:${userInfo().username}`))

  for (const [args, expected] of [
    [['rotate', id], 'revoked'],
    [['revoke', 'abcdefghijkl'], 'no such key'],
    [['create', ''], '/name'],
    [['create', 'n', '--grant', 'admin', '--tenant', 't'], '/grants/0'],
    [['create', 'n', '--grant', 'read:topic:a/#/b'], '/grants/0'],
    [['create', 'n', '--expires', 'tomorrow'], '/expiresAt']
  ] as const) {
    const { code, out, note } = await run(...args)
    assert.deepEqual([code, out], [1, ''], args.join(' '))
    assert.ok(note.includes(expected), note)
  }
})

test('what is not known is refused with what to do, before anything is looked for', async () => {
  // A database that nobody is to ask
  const nowhere = { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }
  for (const [args, expected] of [
    [['serve'], 'choose start or keys'],
    [['--port', '80'], "'--port'"],
    [['keys', 'make'], 'choose one of create, list'],
    [['keys', 'create'], 'Give NAME'],
    [['keys', 'create', 'a', 'b'], 'Give NAME'],
    [['keys', 'create', 'a', '--grants', 'admin'], "'--grants'"],
    [['keys', 'create', 'a', '--grant'], '--grant'],
    [['keys', 'create', 'a', '--grant', 'write:topic:a'], 'A grant is `admin`'],
    [['keys', 'list', 'all'], 'no arguments'],
    [['keys', 'rotate', 'a', '--overlap', 'soon'], '--overlap is a time'],
    [['keys', 'revoke'], 'Give ID']
  ] as const) {
    const { code, out, note } = await rialto(nowhere, ...args)
    assert.deepEqual([code, out], [2, ''], `${args.join(' ')}: ${note}`)
    assert.ok(note.includes(expected), note)
    assert.match(note, /See: rialto.* --help/)
  }
  for (const args of [
    ['--help'],
    ['keys'],
    ['keys', '--help'],
    ['keys', 'create', '--help'],
    ['keys', 'list', '-h']
  ]) {
    const { code, out } = await rialto(nowhere, ...args)
    assert.equal(code, 0)
    assert.match(out, /^Usage: rialto/)
  }
  const away = await rialto(nowhere, 'keys', 'list')
  assert.deepEqual([away.code, away.out], [1, ''])
  assert.match(away.note, /Postgres cannot be reached/)
  const wrong = await rialto({ DATABASE_URL: 'mysql://x' }, 'keys', 'list')
  assert.equal(wrong.code, 1)
  assert.match(wrong.note, /DATABASE_URL/)
})

test('keys of the embedded database, before a service ran on it, beside it, and behind it', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'rialto-cli-'))
  atEnd(() => rm(dataDir, { recursive: true, force: true }))
  const broker = await startBroker()
  const environment = { RIALTO_DATA_DIR: dataDir, MQTT_URL: broker.url, RIALTO_ALLOW_ANONYMOUS: 'false' }
  const before = (await rialto(environment, 'keys', 'create', 'first', '--grant', 'admin')).out.trim()
  const service = await startService(environment, { entry: command })
  assert.equal(await status(service.url, before), 200)
  const beside = await rialto(environment, 'keys', 'create', 'second', '--grant', 'admin')
  assert.equal(beside.code, 0, beside.note)
  assert.equal(await status(service.url, beside.out.trim()), 200)
  assert.equal(await service.kill('SIGTERM'), 0)
  const behind = await rialto(environment, 'keys', 'list', '--json')
  assert.deepEqual(
    (JSON.parse(behind.out) as Array<{ name: string }>).map(({ name }) => name),
    ['first', 'second']
  )
})
