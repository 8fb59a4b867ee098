/**
 * The whole chain, told once and run against every broker: what a real client publishes comes out of REST, streams and
 * GraphQL; what is posted reaches a real client. Of a broker that can less, exactly that much less is expected.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import type { IClientPublishOptions } from 'mqtt'
import type { App } from '../../src/app.ts'
import type { QoS } from '../../src/model.ts'
import { graphql, postJson, request, startBridge } from './bridge.ts'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'
import type { Abilities } from './known-brokers.ts'
import { unusualTopics } from './known-brokers.ts'
import { connectClient } from './mqtt.ts'
import type { TestClient } from './mqtt.ts'
import { openSse } from './sse.ts'

const filterOf = (filter: string): string => encodeURIComponent(filter)

/** Collects what a subscription sends. */
// eslint-disable-next-line typescript/no-explicit-any
export function subscribe(url: string, query: string, variables: Record<string, unknown> = {}): any[] {
  const client = createClient({ url: `${url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket })
  // eslint-disable-next-line typescript/no-explicit-any
  const results: any[] = []
  client.subscribe(
    { query, variables },
    {
      next: (value) => results.push(value.errors ? { errors: value.errors } : value.data),
      error: (error) => results.push({ error }),
      complete: () => results.push({ complete: true })
    }
  )
  atEnd(async () => {
    await Promise.resolve(client.dispose()).catch(() => {}) // the service may be gone
  })
  return results
}

export function describeChain(name: string, able: Abilities, brokerUrl: () => Promise<string>): void {
  const mqtt5 = able.versions.includes('5')
  const publishable = ([0, 1, 2] as const).filter((qos) => qos < 2 || able.qos2ArrivesAs !== null)
  /** Of a message published with `qos`, as a subscriber of QoS 2 gets it. */
  const arrivesAs = (qos: QoS): QoS => (qos === 2 ? able.qos2ArrivesAs! : qos)
  /** `retain` of a live message: only MQTT 5 can tell. */
  const seenRetain = (retain: boolean): boolean | null => (mqtt5 ? retain : null)
  const properties: IClientPublishOptions['properties'] & object = {
    contentType: 'text/plain',
    userProperties: { a: ['1', '2'] },
    correlationData: Buffer.from([0, 255])
  }

  let markers = 0
  let shared: Promise<{ app: App; databaseUrl: string; mqttUrl: string }> | null = null
  const start = () =>
    (shared ??= (async () => {
      const mqttUrl = await brokerUrl()
      const early = await client(mqttUrl)
      await early.client.publishAsync('early/kept', 'before', { qos: 1, retain: true })
      await early.client.publishAsync('early/exact', 'exact', { qos: 1, retain: true })
      const app = await startBridge({ mqttUrl, config: { filters: ['chain/#', 'early/+', 'early/exact'] } })
      return { app, databaseUrl: app.databaseUrl, mqttUrl }
    })())
  const client = (mqttUrl: string): Promise<TestClient> =>
    connectClient(mqttUrl, { protocolVersion: mqtt5 ? 5 : 4 })
  /** What the broker retains under a topic, asked by a client that was not there before. */
  async function retainedAtBroker(mqttUrl: string, topic: string): Promise<string | null> {
    const asker = await client(mqttUrl)
    const marker = `chain/marker/${++markers}`
    await asker.client.subscribeAsync([topic, marker], { qos: 1 })
    await asker.client.publishAsync(marker, 'end', { qos: 1 })
    await eventually(() => asker.packets.some((packet) => packet.topic === marker))
    if (!asker.packets.some((packet) => packet.topic === topic))
      // Nothing yet: some send what is retained after what is live
      await new Promise((resolve) => setTimeout(resolve, 300))
    const found = asker.packets.find((packet) => packet.topic === topic)
    return found === undefined ? null : found.payload.toString()
  }

  test(`${name}: what was retained before the start is state, as far as the broker tells`, async () => {
    const { app } = await start()
    const { mqtt } = (await request(`${app.url}/v1/status`)).body
    assert.deepEqual(
      [mqtt.state, mqtt.version, mqtt.refusedFilters],
      ['connected', mqtt5 ? '5' : '3.1.1', []]
    )
    const exact = await eventually(async () => {
      const answer = await request(`${app.url}/v1/topic?name=early/exact`)
      return answer.status === 200 ? answer.body : null
    })
    assert.deepEqual([exact.retained.payloadText, exact.retained.retain], ['exact', true])
    const kept = await request(`${app.url}/v1/topic?name=early/kept`)
    if (able.retainedByWildcard) assert.equal(kept.body.retained.payloadText, 'before')
    else assert.equal(kept.status, 404) // it asks by the filter early/+
  })

  test(`${name}: each QoS, live and retained, comes out of REST, SSE, GraphQL query and subscription`, async () => {
    const { app, mqttUrl } = await start()
    const publisher = (await client(mqttUrl)).client
    const sse = await openSse(`${app.url}/v1/stream?filter=${filterOf('chain/in/#')}&types=message,state`)
    const events = subscribe(
      app.url,
      `subscription { messages(filter: ["chain/in/#"]) { cursor message { topic qos retain payload } } }`
    )
    const states = subscribe(
      app.url,
      `subscription { topicStates(filter: ["chain/in/#"]) { type cursor state { topic payloadText } } }`
    )
    await eventually(() => states.length > 0) // the end of an empty snapshot: it is subscribed
    for (const qos of publishable) {
      const value = { qos, exact: '12345678901234567890' }
      await publisher.publishAsync(`chain/in/live/${qos}`, JSON.stringify(value), { qos })
      await publisher.publishAsync(`chain/in/retained/${qos}`, `r${qos}`, {
        qos,
        retain: true,
        ...(mqtt5 && { properties })
      })
    }
    for (const qos of publishable) {
      const state = await eventually(async () => {
        const answer = await request(`${app.url}/v1/topic?name=chain/in/retained/${qos}`)
        return answer.status === 200 ? answer : null
      })
      assert.deepEqual(
        [state.body.payloadText, state.body.qos, state.body.retain, state.body.format],
        [`r${qos}`, arrivesAs(qos), seenRetain(true), 'text']
      )
      assert.deepEqual(
        [state.body.retainedStatus, state.body.retained?.payloadText ?? null],
        mqtt5 ? ['known', `r${qos}`] : ['unknown', null]
      )
      assert.deepEqual(
        state.body.properties,
        mqtt5
          ? {
              contentType: 'text/plain',
              payloadFormatIndicator: null,
              messageExpiryInterval: null,
              responseTopic: null,
              correlationData: 'AP8=',
              userProperties: [
                ['a', '1'],
                ['a', '2']
              ]
            }
          : null
      )
      assert.equal(state.headers.get('etag'), `"${state.body.seq}"`)
      const live = await request(`${app.url}/v1/topics/${filterOf(`chain/in/live/${qos}`)}`)
      assert.deepEqual(
        [live.body.payload.qos, live.body.qos, live.body.retain, live.body.retained],
        [qos, arrivesAs(qos), seenRetain(false), null]
      )

      const fromSse = await sse.find('message', (data) => data.message.topic === `chain/in/live/${qos}`)
      assert.equal(fromSse.data.message.qos, arrivesAs(qos))
      assert.equal(fromSse.data.cursor, fromSse.id)
      await sse.find('state', (data) => data.state.topic === `chain/in/retained/${qos}`)
      const queried = await graphql(
        app.url,
        `{ topic(name: "chain/in/live/${qos}") { topic qos payload seq retained { seq } } }`
      )
      assert.deepEqual(queried.topic.payload, { qos, exact: '12345678901234567890' })
    }
    const count = publishable.length * 2
    await eventually(() => events.length >= count)
    assert.deepEqual(
      events.map((event): string => event.messages.message.topic).toSorted(),
      publishable.flatMap((qos) => [`chain/in/live/${qos}`, `chain/in/retained/${qos}`]).toSorted()
    )
    await eventually(() => states.filter((event) => event.topicStates.type === 'state').length >= count)
    const page = await request(`${app.url}/v1/messages?filter=${filterOf('chain/in/#')}&order=asc`)
    assert.equal(page.body.items.length, count)
    const connection = await graphql(
      app.url,
      `
        {
          messages(filter: ["chain/in/#"], first: 2) {
            nodes {
              topic
            }
            pageInfo {
              hasNextPage
              endCursor
            }
            cursor
          }
        }
      `
    )
    assert.equal(connection.messages.nodes.length, 2)
    assert.equal(connection.messages.pageInfo.hasNextPage, true)
  })

  test(`${name}: an empty retained message leaves a tombstone with what was, where the broker tells that it is one`, async () => {
    const { app, mqttUrl } = await start()
    const publisher = (await client(mqttUrl)).client
    await publisher.publishAsync('chain/gone', 'here', { qos: 1, retain: true })
    await publisher.publishAsync('chain/gone', '', { qos: 1, retain: true })
    const state = await eventually(async () => {
      const { body } = await request(`${app.url}/v1/topic?name=chain/gone`)
      return body.payloadText === '' ? body : null
    })
    assert.equal(state.retained, null)
    if (mqtt5) {
      assert.equal(state.tombstone.cause, 'cleared')
      assert.equal(state.tombstone.previous.payloadText, 'here')
    } else assert.deepEqual([state.retainedStatus, state.tombstone, state.retain], ['unknown', null, null])
  })

  test(`${name}: bytes come back as they were published, and cannot run as anything`, async () => {
    const { app, mqttUrl } = await start()
    const publisher = (await client(mqttUrl)).client
    const bytes = Buffer.from([0, 1, 255, 254, 60, 115, 99, 114, 105, 112, 116, 62])
    await publisher.publishAsync('chain/bytes', bytes, {
      qos: 1,
      ...(mqtt5 && { properties: { contentType: 'text/html' } })
    })
    const response = await eventually(async () => {
      const answer = await fetch(`${app.url}/v1/topics/${filterOf('chain/bytes')}/payload`)
      return answer.ok ? answer : null
    })
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
    assert.equal(response.headers.get('content-type'), 'application/octet-stream')
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })

  test(`${name}: topics with a space, a dot, a star, an emoji or an empty level are what the broker makes of them`, async () => {
    const { app, mqttUrl } = await start()
    for (const [kind, topic] of Object.entries(unusualTopics('chain'))) {
      if (kind === 'leadingSlash') continue // not of our filters
      const ability = able.topics[kind as keyof Abilities['topics']]
      if (ability === 'closes the connection') continue // the publisher's, so there is nothing to receive
      await (await client(mqttUrl)).client.publishAsync(topic, kind, { qos: 1 })
      const arrived = ability === 'becomes /' ? topic.replaceAll('.', '/') : topic
      if (ability === 'becomes +') {
        // That is no topic name [MQTT-3.3.2-2]: kept, and said
        const gap = await eventually(async () =>
          (await request(`${app.url}/v1/gaps`)).body.items.find(
            (item: { cause: string }) => item.cause === 'invalid_topic'
          )
        )
        assert.equal(gap.messages, 1)
      } else {
        const { body } = await eventually(async () => {
          const answer = await request(`${app.url}/v1/topic?name=${encodeURIComponent(arrived)}`)
          return answer.status === 200 ? answer : null
        })
        assert.deepEqual([body.topic, body.payloadText], [arrived, kind])
      }
    }
  })

  test(`${name}: a command by REST and one by mutation reach a real client, with the properties that the broker carries`, async () => {
    const { app, mqttUrl } = await start()
    const qos = publishable.at(-1)!
    const device = await client(mqttUrl)
    await device.client.subscribeAsync('chain/out/#', { qos: 2 })
    const asked = {
      contentType: 'application/json',
      responseTopic: 'chain/answers',
      correlationData: Buffer.from('c1').toString('base64'),
      userProperties: [['who', 'rest']]
    }
    const posted = await postJson(
      `${app.url}/v1/commands`,
      { topic: 'chain/out/rest', payload: { on: true }, qos, properties: asked },
      { prefer: 'wait=10' }
    )
    assert.equal(posted.status, 200)
    assert.deepEqual([posted.body.state, posted.body.final], ['published', true])
    assert.ok(posted.headers.get('rialto-cursor'))
    const sent = await graphql(
      app.url,
      `
        mutation {
          sendCommand(input: { topic: "chain/out/graphql", payloadText: "hello", waitSeconds: 10 }) {
            command {
              id
              state
              final
            }
            cursor
          }
        }
      `
    )
    assert.equal(sent.sendCommand.command.state, 'published')

    const byRest = await eventually(() => device.packets.find((packet) => packet.topic === 'chain/out/rest'))
    assert.deepEqual([byRest.payload.toString(), byRest.qos], ['{"on":true}', arrivesAs(qos)])
    if (mqtt5) {
      assert.equal(byRest.properties?.contentType, 'application/json')
      assert.equal(byRest.properties?.responseTopic, 'chain/answers')
      assert.equal(byRest.properties?.correlationData?.toString(), 'c1')
      assert.deepEqual(
        { ...byRest.properties?.userProperties },
        { who: 'rest', 'rialto-command-id': posted.body.id }
      )
    } else assert.equal(byRest.properties, undefined)
    await eventually(() =>
      device.packets.find(
        (packet) => packet.topic === 'chain/out/graphql' && packet.payload.toString() === 'hello'
      )
    )

    const stored = await request(`${app.url}/v1/commands/${posted.body.id}`)
    assert.deepEqual(
      stored.body.events.map((event: { to: string }) => event.to),
      ['pending', 'publishing', 'published']
    )
  })

  test(`${name}: a command for nobody is called undeliverable where the broker says so`, async () => {
    const { app } = await start()
    const { body } = await postJson(
      `${app.url}/v1/commands`,
      { topic: 'nobody/listens', payload: 1, qos: 1 },
      { prefer: 'wait=10' }
    )
    assert.deepEqual(
      [body.state, body.brokerReasonCode],
      able.nobodySubscribedReasonCode === 0x10 ? ['undeliverable', 0x10] : ['published', 0]
    )
  })

  const poison = {
    ...(able.qos2ArrivesAs === null && { 'of QoS 2': { topic: 'chain/poison', payload: 1, qos: 2 } }),
    ...(able.topics.space === 'closes the connection' && {
      'with a space in its topic': { topic: 'chain/poi son', payload: 1, qos: 1 }
    })
  }
  for (const [what, command] of Object.entries(poison)) {
    test(`${name}: a command ${what}, for which the broker closes the connection, is refused, and others keep flowing`, async () => {
      const { app } = await start()
      const post = async (body: object): Promise<string> =>
        (await postJson(`${app.url}/v1/commands`, body)).body.id
      const bad = await post(command)
      const good: string[] = []
      for (let index = 0; index < 20; index++)
        good.push(await post({ topic: `chain/flow/${index}`, payload: index, qos: 1 }))
      const stateOf = async (id: string): Promise<string> =>
        (await request(`${app.url}/v1/commands/${id}`)).body.state
      await eventually(async () => (await stateOf(bad)) === 'refused', { what: 'the command is refused' })
      for (const id of good) await eventually(async () => (await stateOf(id)) === 'published')
      const { events } = (await request(`${app.url}/v1/commands/${bad}`)).body
      assert.ok(events.length <= 12, `${events.length} moves`)
      // And it has come to rest
      const { body } = await postJson(
        `${app.url}/v1/commands`,
        { topic: 'chain/flow/after', payload: 1, qos: 1 },
        { prefer: 'wait=10' }
      )
      assert.equal(body.state, 'published')
    })
  }

  test(`${name}: a retained message is set and cleared over HTTP, if nobody else changed it`, async () => {
    const { app, mqttUrl } = await start()
    const watcher = await client(mqttUrl)
    await watcher.client.subscribeAsync('chain/http', { qos: 1 })
    const url = `${app.url}/v1/topics/${filterOf('chain/http')}/retained`
    const put = await request(url, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain' },
      body: 'by http'
    })
    assert.equal(put.status, 200)
    await eventually(() => watcher.packets.find((packet) => packet.payload.toString() === 'by http'))
    const state = await eventually(async () => {
      const answer = await request(`${app.url}/v1/topics/${filterOf('chain/http')}`)
      return answer.body.payloadText === 'by http' ? answer : null
    })
    assert.equal(state.body.retained?.payloadText, mqtt5 ? 'by http' : undefined)
    assert.equal(await retainedAtBroker(mqttUrl, 'chain/http'), 'by http')
    const stale = await request(url, { method: 'DELETE', headers: { 'if-match': '"1"' } })
    assert.deepEqual([stale.status, stale.body.code], [412, 'precondition_failed'])
    const gone = await request(url, { method: 'DELETE', headers: { 'if-match': state.headers.get('etag')! } })
    assert.equal(gone.status, 200)
    const after = await eventually(async () => {
      const { body } = await request(`${app.url}/v1/topics/${filterOf('chain/http')}`)
      return body.payloadText === '' ? body : null
    })
    assert.equal(after.tombstone?.cause, mqtt5 ? 'cleared' : undefined)
    assert.equal(await retainedAtBroker(mqttUrl, 'chain/http'), null)
  })

  test(`${name}: the accounts balance`, async () => {
    const { app } = await start()
    await eventually(() => {
      const { received, stored, duplicates, confirmed, leftToOther, held, abandoned } = app.stats
      assert.equal(received, stored + duplicates + confirmed + leftToOther + held + abandoned)
      return received > 0
    })
  })

  test(`${name}: a second start finds what it left, takes what came meanwhile, and buries nothing that lives`, async () => {
    const { app, databaseUrl, mqttUrl } = await start()
    const before = (await request(`${app.url}/v1/topic?name=early/exact`)).body
    await app.close()
    const publisher = (await client(mqttUrl)).client
    for (let index = 0; index < 20; index++)
      await publisher.publishAsync(`chain/meanwhile/${index}`, String(index), { qos: 1 })
    const again = await startBridge({
      mqttUrl,
      databaseUrl,
      config: { filters: ['chain/#', 'early/+', 'early/exact'] }
    })
    const meanwhile = await eventually(async () => {
      const { items } = (
        await request(`${again.url}/v1/messages?filter=${filterOf('chain/meanwhile/#')}&limit=1000`)
      ).body
      return items.length >= 20 ? items : null
    })
    assert.equal(meanwhile.length, 20)
    const exact = await eventually(async () => {
      const { body } = await request(`${again.url}/v1/topic?name=early/exact`)
      return body.confirmedAt === null ? null : body
    })
    assert.deepEqual([exact.seq, exact.retained.payloadText], [before.seq, 'exact'])
    const { items } = (await request(`${again.url}/v1/topics?filter=${filterOf('#')}&limit=1000`)).body
    const buried = items.filter((item: { tombstone: object | null }) => item.tombstone !== null)
    assert.deepEqual(
      buried.map((item: { topic: string }) => item.topic),
      mqtt5 ? ['chain/gone', 'chain/http'] : []
    )
    const { received, stored, duplicates, confirmed, leftToOther, held, abandoned } = again.stats
    assert.equal(received, stored + duplicates + confirmed + leftToOther + held + abandoned)
  })
}
