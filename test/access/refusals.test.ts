/** Who is refused is counted and told of, in bounds, without what they sent. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import { createAuthenticator } from '../../src/access/access.ts'
import { createRefusals } from '../../src/access/refusals.ts'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import { createStats } from '../../src/stats.ts'
import { startBroker } from '../support/broker.ts'
import { canaries } from '../support/canaries.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/service.ts'

const limits = { ...defaultLimits, refusalsToldMs: 1_000, refusalAddressesMax: 2 }

interface Line {
  level: number
  count: number
  addresses: Record<string, number>
}

function start() {
  const lines: Line[] = []
  const stats = createStats()
  const log = pino({ level: 'info' }, { write: (text) => void lines.push(JSON.parse(text) as Line) })
  const refusals = createRefusals({ stats, limits, log })
  const holders = {
    find: async (credential: string) => {
      if (credential === 'later') throw new Problem('issuer_unavailable', 'Try again in a moment')
      return null
    },
    byPrincipal: () => null
  }
  const authenticator = refusals.noting(
    createAuthenticator({ apiKey: 'known', holders: [holders], tokenKey: Buffer.alloc(32, 7), limits })
  )
  const come = async (credential: string, address?: string): Promise<unknown> =>
    authenticator.authenticate(`Bearer ${credential}`, address).catch(({ code }: Problem) => code)
  const told = () => lines.map(({ count, addresses }) => ({ count, addresses }))
  return { authenticator, refusals, stats, lines, told, come }
}

test('the first is told at once; those of the second behind it in one line; and then there is none', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { stats, lines, told, come } = start()
  assert.equal(await come('unknown', '192.0.2.1'), 'unauthenticated')
  const first = { count: 1, addresses: { '192.0.2.1': 1 } }
  assert.deepEqual(told(), [first])
  for (let times = 0; times < 500; times++)
    await come('unknown', times % 5 === 0 ? '192.0.2.1' : `198.51.100.${times % 5}`)
  t.mock.timers.tick(999)
  assert.deepEqual(told(), [first])
  t.mock.timers.tick(1)
  const second = { count: 500, addresses: { '192.0.2.1': 100, '198.51.100.1': 100 } }
  assert.deepEqual(told(), [first, second], 'of the other three addresses there are 300')
  await come('unknown')
  t.mock.timers.tick(1_000)
  const third = { count: 1, addresses: { unknown: 1 } }
  t.mock.timers.tick(60_000)
  assert.deepEqual(told(), [first, second, third])
  await come('unknown')
  assert.equal(lines.length, 4, 'at once again')
  assert.equal(stats.unauthenticated, 503)
  assert.ok(lines.every(({ level }) => level === pino.levels.values['info']))
})

test('who is known is not told of, and neither is a fault that is not theirs', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { authenticator, refusals, stats, told, come } = start()
  const access = await authenticator.authenticate('Bearer known', '192.0.2.1')
  const { ticket } = authenticator.issueTicket(access, 60)
  assert.equal((await authenticator.readTicket(ticket)).principal, 'api-key')
  assert.equal(await come('later'), 'issuer_unavailable')
  assert.equal(stats.unauthenticated, 0)
  await assert.rejects(authenticator.readTicket(`${ticket}x`, '192.0.2.2'), { code: 'unauthenticated' })
  await come('unknown', '192.0.2.3')
  refusals.close()
  assert.deepEqual(told(), [
    { count: 1, addresses: { '192.0.2.2': 1 } },
    { count: 1, addresses: { '192.0.2.3': 1 } }
  ])
})

test('the whole service counts each on every surface, and says nothing of what was sent', async () => {
  const broker = await startBroker()
  const service = await startService({
    DATABASE_URL: await createDatabase(),
    MQTT_URL: broker.url,
    RIALTO_API_KEY: canaries.apiKey,
    LOG_LEVEL: 'info'
  })
  const authorization = `Bearer ${canaries.token}`
  const paths = ['/v1/topics', '/metrics', '/graphql?query={__typename}', '/v1/status']
  for (const path of paths)
    assert.equal((await fetch(`${service.url}${path}`, { headers: { authorization } })).status, 401, path)
  const opened = await fetch(`${service.url}/v1/stream?ticket=${canaries.token}`)
  assert.equal(opened.status, 401)
  const socket = new WebSocket(`${service.url.replace('http', 'ws')}/graphql`, ['graphql-transport-ws'])
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }))
  assert.equal(((await once(socket, 'close')) as [number])[0], 4403)

  const all = paths.length + 2
  const metrics = await fetch(`${service.url}/metrics`, {
    headers: { authorization: `Bearer ${canaries.apiKey}` }
  })
  assert.match(await metrics.text(), new RegExp(`^rialto_unauthenticated_total ${all}$`, 'm'))
  const told = (): Line[] =>
    service
      .output()
      .split('\n')
      .filter((line) => line.includes('Refused who is not known'))
      .map((line) => JSON.parse(line) as Line)
  const sum = (): number => told().reduce((before, { count }) => before + count, 0)
  await eventually(() => sum() === all, { what: 'all are told of' })
  for (const { addresses, count } of told()) assert.deepEqual(addresses, { '127.0.0.1': count })
  assert.equal(await service.kill('SIGTERM'), 0)
  for (const secret of [canaries.token, canaries.apiKey]) assert.ok(!service.output().includes(secret))
})
