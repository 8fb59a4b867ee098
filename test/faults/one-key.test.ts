/** One Idempotency-Key, and many requests at once to two instances, one of which is killed: one command, one answer. */

import assert from 'node:assert/strict'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { Patch } from '../support/patched-build.ts'
import type { PostgresFrame } from '../support/postgres-proxy.ts'
import { isCommitted, isSync } from '../support/postgres-proxy.ts'
import { commandIdOf } from './commanded-device.ts'
import { control } from './control.ts'
import type { Instance } from './pair.ts'
import { behindProxies, strike } from './pair.ts'
import { sized } from './story.ts'

const requests = 200

const accepts = (statement: string): boolean => statement.startsWith('accept_commands')

/** Where in its first acceptance the instance is killed. */
const points: Array<(frame: PostgresFrame) => boolean> = [
  (frame) => accepts(frame.statement) && isSync(frame),
  (frame) => frame.statements.some(accepts) && isCommitted(frame)
]

/** What a client keeps of an acceptance. */
async function post(url: string, key: string): Promise<string | null> {
  const response = await fetch(`${url}/v1/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ topic: 'plant/one/do', payload: { key } })
  })
  const body = await response.text()
  return response.status >= 500 ? null : `${response.status} ${response.headers.get('location')} ${body}`
}

/** Asks one of both, and where that fails the other one, until one has answered. */
const postUntilAnswered = (pair: readonly Instance[], first: number, key: string): Promise<string> => {
  let turn = first
  return eventually(() => post(pair[turn++ % 2]!.rialto.url, key), { withinMs: 60_000, what: 'an answer' })
}

/** Whoever is asked twice accepts twice. */
const forgetful: Patch[] = [
  {
    file: 'store/accept-commands.js',
    find: /on conflict \(principal, key\) do nothing/,
    replace: 'on conflict (principal, key) do update set answer = excluded.answer'
  }
]

control(
  `${requests} requests with one key to two instances, one of them killed midway`,
  'the claim of the key',
  {
    id: 'F30',
    shows: ['answersTooMany', 'commandsTooMany', 'idsTooMany'],
    promise: { answersTooMany: 0, commandsTooMany: 0, idsTooMany: 0 }
  },
  forgetful,
  async (world, entry) => {
    const broker = await world.mosquitto()
    const device = await connectClient(broker.url)
    await device.client.subscribeAsync('plant/one/do', { qos: 1 })
    const databaseUrl = await world.database()
    const options = { databaseUrl, qos: 1 as const, entry }
    const pair = [await behindProxies(world, broker, options), await behindProxies(world, broker, options)]
    for (const { rialto } of pair) await rialto.start()
    const rounds = sized(20, 2)
    for (let round = 0; round < rounds; round++) {
      const doomed = pair[round % 2]!
      const key = `round ${round}`
      const point = points[Math.floor(round / 2) % 2]!
      let struck = false
      doomed.postgres.rule = (frame) => {
        if (!point(frame)) return 'pass'
        struck = true
        doomed.postgres.rule = null
        strike(doomed)
        return 'drop'
      }
      const answers = await Promise.all(
        Array.from({ length: requests }, (_, index) => postUntilAnswered(pair, index, key))
      )
      assert.ok(struck, 'it is killed midway')
      assert.ok(
        answers.every((answer) => answer.startsWith('202 /v1/commands/')),
        answers[0]!
      )
      world.note('answersTooMany', new Set(answers).size - 1)
      const commands = await query(
        databaseUrl,
        `select from commands where convert_from(payload, 'UTF8') = $1`,
        [JSON.stringify({ key })]
      )
      world.note('commandsTooMany', commands.length - 1)
      await doomed.rialto.ended()
      await doomed.rialto.start()
    }
    await eventually(async () => {
      const open = await query(databaseUrl, 'select from commands where finished_at is null')
      return open.length === 0
    })
    const heard = (): number => new Set(device.packets.map(commandIdOf)).size
    await eventually(() => heard() >= rounds, { what: 'each has come to the device' })
    world.note('idsTooMany', heard() - rounds)
  }
)
