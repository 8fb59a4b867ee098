/**
 * What comes while somebody listens: by SSE, by GraphQL subscriptions, and to who waits for another version. Everybody is told
 * what an administrator is told, without what may not be read.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { postJson, request } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import type { SseStream } from '../support/sse.ts'
import { openSse } from '../support/sse.ts'
import type { Case } from './fuzz-asks.ts'
import { someRights } from './fuzz-asks.ts'
import type { Asking, Item } from './fuzz-context.ts'
import { assertNoTopics, createAsking, createOracle } from './fuzz-context.ts'
import { isSeen } from './fuzz-streams.ts'
import { maySee } from './fuzz-topics.ts'
import { headersOf } from './self-telling.ts'
import type { World } from './world.ts'
import { senders, settled, startWorld } from './world.ts'

const full = process.env['FULL'] === '1'
const seed = Number(process.env['FUZZ_SEED'] ?? (full ? Date.now() % 1_000_000 : 20_261_130))

/** A message that who has the tenant may read. */
const markOf = (tenant: string | null): string => `${tenant ?? 'live'}/mark/live`

/** So that everybody knows when all has come. */
const withMark = ({ rights, ...one }: Case): Case => ({
  ...one,
  rights: {
    ...rights,
    grants: [...rights.grants, { role: 'read' as const, topic: markOf(rights.tenant) }]
  }
})

const subscriptions = {
  messages: 'subscription { messages { cursor message { topic seq } } }',
  datapoints: 'subscription { datapoints { cursor datapoint { topic device metric seq n } } }',
  presence: 'subscription { presence { cursor presence { device topic to } } }',
  events: `subscription { events(types: [message, datapoint, presence, command]) { cursor type
    message { topic } datapoint { topic device metric } presence { topic device to } command { id topic to } } }`,
  states: 'subscription { topicStates { cursor type state { topic seq } } }'
}
type Name = keyof typeof subscriptions

interface Listener {
  sse: SseStream
  told: Record<Name, Item[]>
}

async function listen(url: string, headers: Record<string, string>): Promise<Listener> {
  const types = ['message', 'datapoint', 'presence', 'command'].map((type) => `types=${type}`)
  const sse = await openSse(`${url}/v1/stream?${types.join('&')}`, headers)
  assert.equal(sse.status, 200)
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: headers
  })
  atEnd(() => client.dispose())
  const told = Object.fromEntries(
    Object.keys(subscriptions).map((name) => [name, []])
  ) as unknown as Listener['told']
  for (const [name, query] of Object.entries(subscriptions))
    client.subscribe<Item>(
      { query },
      {
        next: ({ data, errors }) => {
          assert.equal(errors, undefined)
          told[name as Name].push(Object.values(data!)[0] as Item)
        },
        error: (error) => told[name as Name].push({ error }),
        complete: () => {}
      }
    )
  await eventually(() => sse.events.length > 0 && told.events.length > 0, { what: 'a listener is there' })
  await eventually(() => told.states.some(({ type }) => type === 'progress'), { what: 'states are told' })
  return { sse, told }
}

/** What is published while they listen: by topics that the devices are known by already. */
async function happen(world: World): Promise<void> {
  const { client } = await connectClient(world.mqttUrl)
  const send = (topic: string, value: unknown): Promise<unknown> =>
    client.publishAsync(topic, typeof value === 'string' ? value : JSON.stringify(value), { qos: 1 })
  for (const [index, site] of ['a', 'b', 'c', 'z', 'a'].entries()) {
    for (const number of ['1', '2', '3', '4'])
      await send(`plant/${site}/${number}/temperature`, { v: 200 + index, u: 'C' })
    if (site !== 'z') await send(`alt/${site}/2/pressure`, { v: 700 + index, u: 'hPa' })
    await send(`avail/${site}/${(index % 4) + 1}`, index % 2 === 0 ? 'offline' : 'online')
    await send(`raw/${site}/1`, `live ${index}`)
    await send(`live/new/${index}`, { v: index })
    await send('$demo/d1/x', { v: 300 + index })
    await send('acme/t/1/x', { v: 400 + index })
    await send('gw/g2', { items: [{ name: 'lone', metric: 'power', v: index }] })
    const headers = headersOf({ grants: [{ role: 'admin' }], tenant: null, principal: senders[index % 2]! })
    for (const body of [
      { topic: `raw/${site}/live`, payload: index },
      { device: 'b-1', name: 'tune', payload: { to: index } }
    ])
      assert.equal((await postJson(`${world.url}/v1/commands`, body, headers)).status, 202)
  }
  await client.endAsync()
}

const eventsOf = ({ sse }: Listener): SseStream['events'] =>
  sse.events.filter(({ event }) => event !== 'progress')

test('what comes while somebody listens is what they may read of it, and all of it', async (t) => {
  // A WebSocket that does not answer a heartbeat is cut off, and this machine may be slow
  const world = await startWorld({ heartbeatMs: 2_000 })
  const { url } = world
  const count = { asked: 0, told: 0 }
  const oracle = createOracle(world)
  const cases = someRights(world, seed, full ? 60 : 10).map(withMark)
  const askings = cases.map((one) => createAsking(oracle, url, one, count))
  const all = await listen(url, {})
  const listeners: Array<{ asking: Asking; listener: Listener; waiting: Promise<Item[]> }> = []
  for (const asking of askings)
    listeners.push({
      asking,
      listener: await listen(url, asking.headers),
      waiting: waitForMessages(asking)
    })
  await happen(world)
  const { client } = await connectClient(world.mqttUrl)
  for (const tenant of new Set(cases.map(({ rights }) => rights.tenant)))
    await client.publishAsync(markOf(tenant), '1', { qos: 1 })
  await settled(world.app, world.mqttUrl)
  await eventually(
    async () => (await request(`${url}/v1/commands?limit=1000`)).body.items.every(({ final }: Item) => final),
    { what: 'all commands are final' }
  )
  const commands = (await request(`${url}/v1/commands?limit=1000`)).body.items as Item[]
  const sent = new Map(commands.map((one) => [one['id'] as string, one]))
  // Webhooks, batches and the projector may have something to say yet
  const isAtEnd = async (): Promise<boolean> => {
    const end = (await request(`${url}/v1/status`)).body.journal.cursor as string
    const at = [all, ...listeners.map(({ listener }) => listener)].flatMap(({ sse, told }) => [
      sse.events.at(-1)?.id,
      told.events.at(-1)?.['cursor']
    ])
    return at.every((one) => one === end)
  }
  await eventually(isAtEnd, { what: 'all has come' })
  assert.ok(eventsOf(all).length > 100, `${eventsOf(all).length} events`)
  for (const { asking, listener, waiting } of listeners) {
    const { told } = listener
    asking.same(
      eventsOf(listener),
      eventsOf(all).filter((event) => isSeen(asking, event, sent)),
      'a live stream'
    )
    for (const { event, data } of eventsOf(listener))
      if (event !== 'command') assertNoTopics(JSON.stringify(data), asking.may, 'a live stream')
    const expected: Record<Name, Item[]> = {
      messages: all.told.messages.filter(({ message }) => asking.may(message.topic)),
      datapoints: all.told.datapoints.filter(({ datapoint }) => asking.may(datapoint.topic)),
      presence: all.told.presence.filter(({ presence }) => asking.may(presence.topic)),
      events: withoutProgress(all.told.events).filter((event) =>
        event['command'] === null
          ? asking.may((event['message'] ?? event['datapoint'] ?? event['presence']).topic)
          : maySee(asking, { device: null, ...sent.get(event['command'].id), ...event['command'] })
      ),
      states: []
    }
    for (const name of ['messages', 'datapoints', 'presence'] as const) {
      await eventually(() => told[name].length >= expected[name].length, { what: `${name} have come` })
      asking.same(told[name], expected[name], `subscription to ${name}`)
    }
    asking.same(withoutProgress(told.events), expected.events, 'subscription to events')
    // Which are told on the way depends on what is read at once; in the end they are what is so
    const states = new Map((await oracleStates(url)).filter(([topic]) => asking.may(topic)))
    await eventually(() => lastStates(told.states).size >= states.size, { what: 'states have come' })
    await eventually(() => [...states].every(([topic, seq]) => lastStates(told.states).get(topic) === seq), {
      what: 'the newest states have come'
    })
    asking.same(new Set(lastStates(told.states).keys()), new Set(states.keys()), 'subscription to states')
    const waited = await waiting
    assert.ok(waited.length > 0)
  }
  const heard = listeners.map(({ listener }) => eventsOf(listener).length)
  t.diagnostic(`seed ${seed}, ${eventsOf(all).length} events; heard ${heard.join(' ')}`)
  assert.ok(heard.filter((one) => one > 1).length >= 3, 'somebody heard something')
})

const withoutProgress = (events: readonly Item[]): Item[] => events.filter(({ type }) => type !== 'progress')

const lastStates = (events: readonly Item[]): Map<string, string> =>
  new Map(withoutProgress(events).map(({ state }) => [state.topic, state.seq]))

async function oracleStates(url: string): Promise<Array<[string, string]>> {
  const { body } = await request(`${url}/v1/topics?limit=1000`)
  return body.items.map(({ topic, seq }: Item) => [topic, seq])
}

/** Who waits for another version is answered when there is one for them, and with what is for them. */
async function waitForMessages(asking: Asking): Promise<Item[]> {
  const path = 'messages?order=desc&limit=5'
  const before = await asking.get(path)
  const etag = before.headers.get('etag')!
  const { status, body } = await asking.get(path, { headers: { 'if-none-match': etag, prefer: 'wait=60' } })
  assert.equal(status, 200)
  assert.notDeepEqual(body.items, before.body.items)
  return body.items
}
