/**
 * A service with some of everything that may be read: topics that share levels, feed several devices, or feed one together
 * with others; what is retained, cleared, expired, rejected, late, imported, rebuilt; commands, batches. Filled through the
 * broker, by the real ingest and projector, once.
 */

import assert from 'node:assert/strict'
import type { App } from '../../src/app.ts'
import type { Rights } from '../../src/grant.ts'
import { startApp } from '../../src/app.ts'
import type { Limits } from '../../src/limits.ts'
import { readConfig } from '../../src/config.ts'
import { writeFile } from 'node:fs/promises'
import { adopted } from '../support/adopted.ts'
import { partsFor, postJson, request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { createTellingHolders, headersOf } from './self-telling.ts'

export interface World {
  app: App
  url: string
  databaseUrl: string
  mqttUrl: string
  mappings: string
  /** Names of all topics that messages came by. */
  topics: readonly string[]
  devices: readonly string[]
  /** Id of one that is no principal here. */
  key: string
  /** Topics that a device is known by, as tables have them. */
  sourcesOf(device: string): ReadonlySet<string>
}

/** Administrators who sent commands; others may have their names, and see what is theirs. */
export const senders = ['sender-1', 'sender-2'] as const
const admin: Rights = { grants: [{ role: 'admin' }], tenant: null }

const commandsText = `    commands:
      - name: set
        topic: set/{site}/{device}
        responseTopic: ack/{site}/{device}
        correlation: false
        timeout: 1s
      - name: tune
        topic: tune/{site}/{device}
`

const mappingsText = (device: string, level = 'number'): string => `
mappings:
  - name: plant
    topic: plant/{site}/{device}/{metric}
    device: "${device}"
    value: v
    unit: { select: u }
    timestamp: { select: ts }
${commandsText}  - name: alt
    topic: alt/{site}/{device}/{metric}
    device: "${device}"
    value: v
    unit: { select: u }
    timestamp: { select: ts }
${commandsText}  - name: gateway
    topic: gw/{gw}
    each: items
    device: { select: name }
    metric: { select: metric }
    value: v
  - name: available
    topic: avail/{site}/{device}
    device: "${device}"
    presence: { online: [online], offline: [offline] }
${commandsText}  - name: still
    topic: still/{device}/{metric}
    value: v
    store: changes
  - name: quiet
    topic: quiet/{device}/{metric}
    value: v
    store: changes
  - name: strict
    topic: strict/{device}
    metrics: [{ name: level, value: level, type: ${level} }]
  - name: dollar
    topic: $demo/{device}/{metric}
    value: v
  - name: tenants
    topic: "{tenant}/t/{device}/{metric}"
    device: "{tenant}-{device}"
    value: v
`

const sites = ['a', 'b', 'c']
const numbers = ['1', '2', '3', '4']
const tenants = ['acme', 'acme2', 'caf\u00e9', 'cafe\u0301']

interface Sent {
  topic: string
  payload: string
  retain?: boolean
  expires?: number
}

const reading = (v: unknown, ts?: number, u?: string): string => JSON.stringify({ v, ts, u })

/** Instants of the last three days, the same for all series, so that buckets are shared. */
const instants = (now: number): number[] =>
  [70, 47, 46.5, 26, 25, 3, 2.5, 1].map((hours) => now - hours * 3_600_000)

function messages(now: number): Sent[] {
  const sent: Sent[] = []
  for (const gateway of ['g1', 'g2', 'g3'])
    for (const [index] of instants(now).slice(0, 4).entries())
      sent.push({
        topic: `gw/${gateway}`,
        payload: JSON.stringify({
          items: ['a-1', 'b-2', 'lone', gateway].map((name) => ({
            name,
            metric: name === 'b-2' ? `power-${gateway}` : 'power',
            v: index + 10 * Number(gateway.slice(1))
          }))
        })
      })
  for (const site of sites)
    for (const number of numbers) {
      const base = `${site}/${number}`
      for (const [index, ts] of instants(now).entries()) {
        sent.push({
          topic: `plant/${base}/temperature`,
          payload: reading(20 + index + Number(number), ts, 'C')
        })
        if (index % 2 === 0) sent.push({ topic: `plant/${base}/mode`, payload: reading(`m${index}`, ts) })
        // The same metric by another topic, and one that only comes by that
        if (number !== '4')
          sent.push({ topic: `alt/${base}/temperature`, payload: reading(1_000 + index, ts + 60_000, 'K') })
        if (number === '2')
          sent.push({ topic: `alt/${base}/pressure`, payload: reading(500 + index, ts, 'hPa') })
      }
      // Of some, the newest is of the one topic, of others of the other
      if (number === '1')
        sent.push({ topic: `plant/${base}/temperature`, payload: reading(99, now - 1_000, 'C') })
      // Late: older than what is known
      sent.push({ topic: `alt/${base}/temperature`, payload: reading(7, now - 60 * 3_600_000, 'K') })
      sent.push({ topic: `avail/${base}`, payload: number === '3' ? 'offline' : 'online', retain: true })
      // Devices are known by what they were heard by last
      if (number === '2') sent.push({ topic: `plant/${base}/mode`, payload: reading('last') })
      if (number === '3') sent.push({ topic: `alt/${base}/temperature`, payload: reading(1, now, 'K') })
      sent.push({
        topic: `strict/${site}${number}`,
        payload: JSON.stringify({ level: number < '3' ? 'high' : 3 })
      })
      sent.push({ topic: `raw/${base}`, payload: `r ${base}`, retain: number !== '4' })
      sent.push({
        topic: `raw/${base}/deep/er`,
        payload: JSON.stringify({ temperature: Number(number), site })
      })
    }
  for (const way of ['still', 'quiet'])
    for (const device of ['q1', 'q2'])
      sent.push({ topic: `${way}/${device}/x`, payload: reading(way === 'still' ? 1 : 5) })
  for (const tenant of tenants)
    for (const metric of ['x', 'y'])
      sent.push({ topic: `${tenant}/t/1/${metric}`, payload: reading(5), retain: true })
  for (const topic of [
    'raw',
    '/raw',
    'raw/',
    'raw//x',
    '//',
    '/',
    'plant',
    'plant/a',
    'acme',
    'a b/#c'.replace('#', '')
  ])
    sent.push({
      topic,
      payload: JSON.stringify({ temperature: topic.length }),
      retain: topic.length % 2 === 0
    })
  for (const topic of ['$demo/d1/x', '$demo/d2/y', '$demo', '$other/secret'])
    sent.push({ topic, payload: reading(1), retain: true })
  for (const index of [1, 2, 3, 4, 5, 6]) {
    sent.push({ topic: `kept/${index}`, payload: `${index}`, retain: true, ...(index > 4 && { expires: 1 }) })
    if (index < 3) sent.push({ topic: `kept/${index}`, payload: '', retain: true })
  }
  return sent
}

/** Topics of granted devices are waited for, however slow the machine is. */
export const worldLimits = { heartbeatMs: 50, deviceTopicsWaitMs: 60_000 }

export async function startWorld(limits: Partial<Limits> = {}): Promise<World> {
  const broker = await startBroker()
  const databaseUrl = await createDatabase()
  const file = await mappingFile(mappingsText('{device}'))
  const config = {
    ...readConfig({ PORT: '0', MQTT_URL: broker.url }),
    filters: ['#', '$demo/#', '$other/#'],
    mappingsFile: file
  }
  const app = await startApp({
    ...partsFor({ mqttUrl: broker.url, databaseUrl, config, limits: { ...worldLimits, ...limits } }),
    holders: [createTellingHolders()]
  })
  atEnd(() => app.close())
  const { url } = app
  await eventually(async () => (await fetch(`${url}/readyz`)).ok, { what: 'the service is ready' })
  await adopted(app)
  const { client } = await connectClient(broker.url)
  const send = async (list: readonly Sent[]): Promise<void> => {
    for (const { topic, payload, retain = false, expires } of list)
      await client.publishAsync(topic, payload, {
        qos: 1,
        retain,
        ...(expires !== undefined && { properties: { messageExpiryInterval: expires } })
      })
  }
  const all = messages(Date.now())
  await send(all.slice(0, Math.floor(all.length / 2)))
  await settled(app, broker.url)
  // Other names for the devices: all of it is built anew
  await writeFile(file, mappingsText('{site}-{device}'))
  assert.equal((await postJson(`${url}/v1/mappings/reload`, {})).status, 200)
  await adopted(app)
  await send(all.slice(Math.floor(all.length / 2)))
  await settled(app, broker.url)
  // Some of what was rejected is accepted later
  await writeFile(file, mappingsText('{site}-{device}', 'text'))
  assert.equal((await postJson(`${url}/v1/mappings/reload`, { rebuild: false })).status, 200)
  const redriven = await postJson(`${url}/v1/rejections/redrive`, { filters: ['strict/a1', 'strict/a2'] })
  assert.equal(redriven.status, 202, JSON.stringify(redriven.body))
  const { id } = redriven.body
  await eventually(async () => (await request(`${url}/v1/redrives/${id}`)).body.state === 'done', {
    what: 'what was rejected is read again'
  })
  await command(app, broker.url)
  await imported(url)
  await settled(app, broker.url)
  await eventually(async () => (await request(`${url}/v1/topics?state=tombstone`)).body.items.length === 4, {
    what: 'what expires is gone'
  })
  await eventually(async () => !(await app.store.rollups.advance(100_000)).more, { what: 'rolled up' })
  const sources = await readSources(databaseUrl)
  const names = await request(`${url}/v1/topics?limit=1000`)
  const devices = await request(`${url}/v1/devices?limit=1000`)
  return {
    app,
    url,
    databaseUrl,
    mqttUrl: broker.url,
    mappings: file,
    key: await keyAndWebhook(url),
    sourcesOf: (device) => sources.get(device) ?? new Set(),
    topics: names.body.items.map(({ topic }: { topic: string }) => topic),
    devices: devices.body.items.map(({ device }: { device: string }) => device)
  }
}

/** Those of an administrator. Returns the key's id. */
async function keyAndWebhook(url: string): Promise<string> {
  const made = await postJson(`${url}/v1/webhooks`, { url: 'https://nobody.invalid/', types: ['command'] })
  assert.equal(made.status, 201, JSON.stringify(made.body))
  const paused = await request(`${url}/v1/webhooks/${made.body.id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'paused' })
  })
  assert.equal(paused.status, 200, JSON.stringify(paused.body))
  const grants = [{ role: 'read', topic: 'raw/#' }]
  const { status, body } = await postJson(`${url}/v1/keys`, { name: 'one of the world', grants })
  assert.equal(status, 201, JSON.stringify(body))
  return body.id ?? body.key.id
}

/** One question a table, of what is current. */
async function readSources(databaseUrl: string): Promise<Map<string, Set<string>>> {
  const rows = await query<{ device: string; topic: string }>(
    databaseUrl,
    `with mine as (
       select d.* from devices d join projections p on p.id = d.projection_id where p.state = 'current'
     ), known as (
       select d.name, d.topic_id from mine d
       union select d.name, m.topic_id from mine d join metrics m on m.device_id = d.id
       union select d.name, r.topic_id from mine d join metrics m on m.device_id = d.id
         join metric_topics r on r.metric_id = m.id
       union select d.name, p.topic_id from mine d join metrics m on m.device_id = d.id
         join datapoints p on p.metric_id = m.id
     ) select distinct k.name as device, t.name as topic
       from known k join topics t on t.id = k.topic_id where t.name <> ''`
  )
  const found = new Map<string, Set<string>>()
  for (const { device, topic } of rows) found.set(device, (found.get(device) ?? new Set<string>()).add(topic))
  return found
}

/** What was published before has come, and is projected. */
export async function settled(app: App, mqttUrl: string): Promise<void> {
  const { client } = await connectClient(mqttUrl)
  const mark = `${Date.now()}.${Math.random()}`
  await client.publishAsync('mark', mark, { qos: 1 })
  await eventually(async () => {
    const { body } = await request(`${app.url}/v1/topics/mark`)
    return body.payloadText === mark
  })
  await client.endAsync()
  await eventually(async () => {
    const { doneSeq } = await app.projections.mappings()
    return doneSeq >= (await app.store.journal.head()).seq
  })
}

async function command(app: App, mqttUrl: string): Promise<void> {
  const { url } = app
  const device = await connectClient(mqttUrl)
  await device.client.subscribeAsync('set/+/+', { qos: 1 })
  device.client.on('message', (topic) => {
    const [, site, number] = topic.split('/')
    if (number !== '3')
      device.client.publish(`ack/${site}/${number}`, JSON.stringify({ ok: number }), { qos: 1 })
  })
  const sent = async (body: object): Promise<void> => {
    const { status, body: answer } = await postJson(`${url}/v1/commands`, body)
    assert.equal(status, 202, JSON.stringify(answer))
  }
  for (const site of sites) {
    for (const number of numbers)
      await sent({ topic: `raw/${site}/${number}/set`, payload: { site, number } })
    for (const number of ['1', '3'])
      await sent({ device: `${site}-${number}`, name: 'set', payload: { to: 5 } })
    await sent({ device: `${site}-2`, name: 'tune', payload: { to: 6 } })
  }
  for (const principal of senders) {
    const headers = headersOf({ ...admin, principal })
    for (const body of [
      { topic: `raw/b/${principal.at(-1)}/own`, payload: principal },
      { device: 'c-1', name: 'set', payload: { to: 7 } }
    ])
      assert.equal((await postJson(`${url}/v1/commands`, body, headers)).status, 202)
    const batch = { devices: ['b-*'], name: 'tune', payload: { by: principal } }
    assert.equal((await postJson(`${url}/v1/batches`, batch, headers)).status, 202)
  }
  for (const body of [
    { devices: ['a-*', 'b-2', 'lone'], name: 'tune', payload: { all: 1 } },
    { devices: ['c-*'], name: 'set', payload: { all: 2 } }
  ]) {
    const { status, body: answer } = await postJson(`${url}/v1/batches`, body)
    assert.equal(status, 202, JSON.stringify(answer))
  }
  await eventually(
    async () =>
      (await request(`${url}/v1/commands?limit=1000`)).body.items.every(
        ({ final }: { final: boolean }) => final
      ),
    { what: 'all commands are final' }
  )
  await device.client.endAsync()
}

async function imported(url: string): Promise<void> {
  const lines = ['meter-1', 'meter-2', 'a-1'].map((device) =>
    JSON.stringify({ device, metric: 'watts', observedAt: '2026-01-02T03:04:05Z', value: 12 })
  )
  const { status, body } = await request(`${url}/v1/import/datapoints?id=meters`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n')
  })
  assert.equal(status, 200, JSON.stringify(body))
}
