/**
 * Poison: payloads and topics that are legal for a broker and have broken a bridge somewhere. Each ends as its bytes with a
 * code, acknowledged once, its neighbours in the same append; no append is tried again, and every surface still answers.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { App } from '../../src/app.ts'
import { request, startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { ReadMessage } from '../support/everything-read.ts'
import { readGraphql, readPages, readStream } from '../support/everything-read.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { hostileTopics, poisonPayloads } from '../support/poison-payloads.ts'

/** Long enough that a poison message and its neighbours are of one batch. */
const limits = { batchDelayMs: 100, pageBytesMax: 64 * 1024 * 1024 }
const clientId = 'poison'

/** A counter or gauge of /metrics. */
async function metrics(url: string): Promise<(name: string) => number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return (name) => Number(new RegExp(`^rialto_${name} (\\S+)$`, 'm').exec(text)![1])
}

/** Acknowledgements so far, once our own birth message has come back. */
async function settled({ url }: App): Promise<number> {
  await eventually(
    async () => (await request(`${url}/v1/topic?name=rialto/${clientId}/status`)).status === 200
  )
  return eventually(async () => (await metrics(url))('acknowledgements_total') || null)
}

/** Everything is accounted for, was acknowledged once, and at the first attempt. */
async function checkAccounts(app: App, acknowledgements: number): Promise<void> {
  const metric = await metrics(app.url)
  assert.equal(
    metric('messages_received_total'),
    metric('messages_stored_total') +
      metric('messages_duplicate_total') +
      metric('messages_confirmed_total') +
      metric('messages_left_to_other_session_total') +
      metric('messages_held') +
      metric('messages_abandoned_total')
  )
  assert.equal(metric('messages_held'), 0)
  assert.equal(metric('messages_duplicate_total'), 0)
  assert.equal(metric('acknowledgements_total'), acknowledgements)
  assert.equal(metric('acknowledgements_dropped_total'), 0)
  assert.equal(metric('journal_append_retries_total'), 0)
  assert.equal(metric('messages_unstorable_total'), 0)
  assert.equal(metric('mqtt_connects_total'), 1)
}

/** What the broker would still send to our session, asked by a client that takes it over. */
async function inFlight(app: App, mqttUrl: string): Promise<string[]> {
  await app.close()
  const { client, packets } = await connectClient(mqttUrl, {
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 3_600 }
  })
  const marker = await connectClient(mqttUrl)
  await marker.client.publishAsync('marker', '', { qos: 1 })
  await eventually(() => packets.some(({ topic }) => topic === 'marker'))
  await client.endAsync()
  // Our own status, said while closing, comes back to the session when it no longer reads
  return packets.map(({ topic }) => topic).filter((topic) => topic !== `rialto/${clientId}/status`)
}

/** Every surface tells the same, and all of it. */
async function readEverything(url: string, topics: ReadonlySet<string>): Promise<ReadMessage[]> {
  const pages = (await readPages(url, 'messages')).filter(({ topic }) => topics.has(topic))
  assert.deepEqual(new Set(pages.map(({ topic }) => topic)), topics)
  const comparable = (messages: ReadMessage[]): Map<string, string> =>
    new Map(
      messages
        .filter(({ topic }) => topics.has(topic))
        .map(({ topic, format, payload, payloadText, payloadBase64, payloadFault }) => [
          topic,
          JSON.stringify([format, payload, payloadText, payloadBase64, payloadFault])
        ])
    )
  const expected = comparable(pages)
  for (const others of [
    await readPages(url, 'topics'),
    await readGraphql(url, 'messages'),
    await readGraphql(url, 'topics'),
    await readStream(url, pages.length)
  ]) {
    assert.ok(equal(comparable(others), expected), 'every surface tells the same')
  }
  return pages
}

/** As deepEqual, without printing 10 MB where they differ. */
const equal = (one: Map<string, string>, other: Map<string, string>): boolean =>
  one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)

for (const qos of [1, 2] as const) {
  test(`poison payloads at QoS ${qos}: bytes and a code, acknowledged once, beside their neighbours`, async () => {
    const broker = await startMosquitto()
    const app = await startBridge({ mqttUrl: broker.url, config: { clientId }, limits })
    const { client } = await connectClient(broker.url)
    const before = await settled(app)
    const topics = new Map(poisonPayloads.map((poison, index) => [`poison/${index}`, poison]))
    const all = [...topics.keys()].flatMap((topic) => [`${topic}/before`, topic, `${topic}/after`])
    await Promise.all(
      all.map((topic) => {
        const poison = topics.get(topic)
        if (poison === undefined) return client.publishAsync(topic, 'harmless', { qos })
        const { payload, contentType, utf8 } = poison
        const properties = {
          ...(contentType !== undefined && { contentType }),
          ...(utf8 === true && { payloadFormatIndicator: true })
        }
        return client.publishAsync(topic, payload, { qos, properties })
      })
    )
    const owed = before + all.length * qos // PUBACK; or PUBREC and PUBCOMP
    await eventually(async () => (await metrics(app.url))('acknowledgements_total') >= owed)

    const rows = await query<{ name: string; at: Date; kind: number }>(
      app.databaseUrl,
      `select name, at, kind from journal join topics on id = topic_id where name like 'poison/%' order by seq`
    )
    // In the order published, and each between its neighbours in one append
    assert.deepEqual(
      rows.map(({ name, kind }) => [name, kind]),
      all.map((name) => [name, 1])
    )
    const together = all.filter((_, index) =>
      [index - 1, index + 1].every((next) => rows[next]?.at.getTime() === rows[index]!.at.getTime())
    )
    assert.ok(together.filter((topic) => topics.has(topic)).length > topics.size / 2, `${together.length}`)

    const messages = await readEverything(app.url, new Set(all))
    for (const message of messages) {
      const poison = topics.get(message.topic)
      if (poison === undefined) {
        assert.equal(message.payloadText, 'harmless')
        continue
      }
      const { name, payload, format, fault } = poison
      assert.deepEqual([message.format, message.payloadFault], [format, fault], name)
      assert.ok(Buffer.from(message.payloadBase64, 'base64').equals(payload), name)
      if (format === 'binary') assert.equal(message.payloadText, null, name)
      else assert.ok(Buffer.from(message.payloadText!).equals(payload), name)
      const bytes = await fetch(`${app.url}/v1/topics/${encodeURIComponent(message.topic)}/payload`)
      assert.ok(Buffer.from(await bytes.arrayBuffer()).equals(payload), name)
    }
    await checkAccounts(app, owed)
    assert.deepEqual(await inFlight(app, broker.url), ['marker'])
  })

  test(`hostile topics at QoS ${qos}: state under exactly that name, found every way there is`, async () => {
    const broker = await startMosquitto()
    const config = { clientId, filters: ['#', '$odd/#'] }
    const app = await startBridge({ mqttUrl: broker.url, config, limits })
    const { client } = await connectClient(broker.url)
    const before = await settled(app)
    const names = [...hostileTopics, '$odd/topic']
    assert.equal(new Set(names).size, names.length)
    // Each as another retains it, so that the reading of what is retained is put to the test, too
    await Promise.all(
      names.map((name, index) => client.publishAsync(name, `${index}`, { qos, retain: index % 2 === 0 }))
    )
    const owed = before + names.length * qos
    await eventually(async () => (await metrics(app.url))('acknowledgements_total') >= owed)

    const messages = await readEverything(app.url, new Set(names))
    assert.equal(messages.length, names.length)
    const states = new Map(
      (await readPages(app.url, 'topics')).map((state) => [
        state.topic,
        state as ReadMessage & { topicId: string }
      ])
    )
    for (const [index, name] of names.entries()) {
      const id = states.get(name)!.topicId
      const encoded = encodeURIComponent(name)
      // A request line and its headers are at most 16 KB; longer names have their id
      const short = encoded.length < 12_000
      const paths = [
        `/v1/topics/by-id/${id}`,
        ...(short ? [`/v1/topic?name=${encoded}`] : []),
        // `.` and `..` are steps of a path, encoded or not (RFC 3986, section 5.2.4)
        ...(short && !/^\.\.?$/.test(name) ? [`/v1/topics/${encoded}`] : [])
      ]
      for (const path of paths) {
        const { status, body } = await request(app.url + path)
        assert.deepEqual(
          [status, body.topic === name, body.payloadText],
          [200, true, `${index}`],
          path.slice(0, 200)
        )
        assert.equal(
          body.retained?.payloadText ?? null,
          index % 2 === 0 ? `${index}` : null,
          path.slice(0, 200)
        )
      }
      const isFilter = Buffer.byteLength(name) <= 1_024 && name.split('/').length <= 128
      for (const list of ['topics', 'messages']) {
        if (!short) continue
        const { status, body } = await request(`${app.url}/v1/${list}?filter=${encoded}`)
        if (isFilter)
          assert.deepEqual(
            body.items.map((item: ReadMessage) => item.topic),
            [name],
            name
          )
        else assert.deepEqual([status, body.code], [422, 'invalid_filter'], name)
      }
    }
    const odd = await request(`${app.url}/v1/topics?filter=%23`)
    assert.ok(!odd.body.items.some((item: ReadMessage) => item.topic.startsWith('$'))) // [MQTT-4.7.2-1]
    await checkAccounts(app, owed)

    // Found again by a snapshot, they are what they were
    await app.close()
    const again = await startBridge({ mqttUrl: broker.url, databaseUrl: app.databaseUrl, config, limits })
    const retained = names.filter((_, index) => index % 2 === 0)
    await eventually(async () => (await metrics(again.url))('messages_confirmed_total') >= retained.length)
    const facts = await query<{ n: string }>(
      again.databaseUrl,
      'select count(*) as n from journal where kind = 2'
    )
    assert.equal(Number(facts[0]!.n), 0)
    assert.deepEqual(await inFlight(again, broker.url), ['marker'])
  })
}
