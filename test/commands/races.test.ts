/** Compare and set through the whole service: two instances on one database, and Mosquitto. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import type { Answer } from '../support/bridge.ts'
import { graphql, postJson, request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { newCommand } from '../support/new-command.ts'
import { openTestStore } from '../support/store.ts'

const full = process.env['FULL'] === '1'
const broker = await startMosquitto()
const one = await startBridge({ mqttUrl: broker.url })
const other = await startBridge({ mqttUrl: broker.url, databaseUrl: one.databaseUrl })
const watcher = await connectClient(broker.url)
await watcher.client.subscribeAsync('race/#', { qos: 1 })

/** What the watcher got on a topic. */
const heard = (topic: string): string[] =>
  watcher.packets.filter((packet) => packet.topic === topic).map(({ payload }) => payload.toString())

/** ETag of the topic once it is as a client last saw it. */
const etagOf = (app: App, topic: string, payloadText: string): Promise<string> =>
  eventually(async () => {
    const { body, headers } = await request(`${app.url}/v1/topic?name=${topic}`)
    return body.payloadText === payloadText && headers.get('etag')
  })

const post = (app: App, topic: string, payload: string, etag: string): Promise<Answer> =>
  postJson(
    `${app.url}/v1/commands`,
    { topic, payload, encoding: 'text' },
    { 'if-match': etag, prefer: 'wait=30' }
  )

const put = (app: App, topic: string, payload: string, etag: string): Promise<Answer> =>
  request(`${app.url}/v1/topic/retained?name=${topic}`, {
    method: 'PUT',
    headers: { 'if-match': etag, prefer: 'wait=30' },
    body: payload
  })

/** By GraphQL, in the words of REST. */
async function set(app: App, topic: string, payloadText: string, etag: string): Promise<Answer> {
  const document = `mutation ($topic: String!, $payloadText: String!, $ifMatch: String!) {
    setRetained(topic: $topic, payloadText: $payloadText, ifMatch: $ifMatch, waitSeconds: 30) { command { state } } }`
  try {
    const data = await graphql(app.url, document, { topic, payloadText, ifMatch: JSON.parse(etag) })
    return { status: 200, headers: new Headers(), body: data.setRetained.command }
  } catch (error) {
    const [{ extensions }] = JSON.parse((error as Error).message) as [{ extensions: { code: string } }]
    return { status: 412, headers: new Headers(), body: extensions }
  }
}

for (const [what, rounds, writers, apps] of [
  ['two instances', 100, [post, post], [one, other]],
  ['two instances, three ways', full ? 100 : 25, [post, put, set, post], [one, other, one, other]],
  ['one instance', full ? 100 : 25, [post, put], [other, other]]
] as const) {
  test(`${what}: of those that race with one ETag one wins, ${rounds} times, and one message is published each time`, async () => {
    const topic = `race/${what.replaceAll(/\W+/g, '-')}`
    await watcher.client.publishAsync(topic, 'begin', { qos: 1 })
    const won = ['begin']
    for (let round = 1; round <= rounds; round++) {
      const etag = await etagOf(apps[round % 2]!, topic, won.at(-1)!)
      const answers = await Promise.all(
        writers.map((write, n) => write(apps[n]!, topic, `${round}-${n}`, etag))
      )
      const winners = answers.flatMap(({ status }, n) => (status === 200 ? [n] : []))
      assert.equal(winners.length, 1, JSON.stringify(answers))
      assert.equal(answers[winners[0]!]!.body.state, 'published')
      for (const [n, { status, body }] of answers.entries())
        if (n !== winners[0]) assert.deepEqual([status, body.code], [412, 'precondition_failed'])
      won.push(`${round}-${winners[0]}`)
    }
    await eventually(() => heard(topic).length >= won.length)
    await watcher.client.publishAsync(topic, 'end', { qos: 1 })
    await eventually(() => heard(topic).includes('end'))
    assert.deepEqual(heard(topic), [...won, 'end'])
  })
}

test('of an instance that ended between the acceptance and the publishing, the other publishes it, and nobody else writes', async () => {
  const topic = `race/${randomUUID()}`
  const crashed = await openTestStore({ url: one.databaseUrl })
  const command = newCommand(topic, {
    condition: { retained: false },
    retain: true,
    payload: Buffer.from('crashed')
  })
  const racing = Promise.all([
    crashed.store.commands.accept([command], null),
    ...[one, other, one].map((app, n) =>
      request(`${app.url}/v1/topic/retained?name=${topic}`, {
        method: 'PUT',
        headers: { 'if-none-match': '*', prefer: 'wait=30' },
        body: `alive ${n}`
      })
    )
  ])
  const [{ accepted }, ...answers] = await racing
  await crashed.store.close()
  const winners = answers.filter(({ status }) => status === 200)
  assert.equal(winners.length + Number(accepted), 1)
  for (const { status } of answers) assert.ok(status === 200 || status === 412, `${status}`)
  await eventually(() => heard(topic).length > 0)
  if (accepted) {
    await eventually(async () => {
      const { body } = await request(`${other.url}/v1/commands/${command.id}`)
      return body.state === 'published'
    })
  }
  await watcher.client.publishAsync(topic, 'end', { qos: 1 })
  await eventually(() => heard(topic).includes('end'))
  assert.equal(heard(topic).length, 2)
})
