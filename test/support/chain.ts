/**
 * The whole chain, told once and run against every broker: what a real client publishes comes out of REST, streams and
 * GraphQL; what is posted reaches a real client.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import type { App } from '../../src/app.ts'
import { graphql, postJson, request, startBridge } from './bridge.ts'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'
import { connectClient } from './mqtt.ts'
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
  atEnd(() => client.dispose())
  return results
}

export function describeChain(name: string, brokerUrl: () => Promise<string>): void {
  let shared: Promise<{ app: App; mqttUrl: string }> | null = null
  const start = () =>
    (shared ??= (async () => {
      const mqttUrl = await brokerUrl()
      return { app: await startBridge({ mqttUrl }), mqttUrl }
    })())

  test(`${name}: QoS 0, 1 and 2, live and retained, come out of REST, SSE, GraphQL query and subscription`, async () => {
    const { app, mqttUrl } = await start()
    const { client } = await connectClient(mqttUrl)
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
    for (const qos of [0, 1, 2] as const) {
      const value = { qos, exact: '12345678901234567890' }
      await client.publishAsync(`chain/in/live/${qos}`, JSON.stringify(value), { qos })
      await client.publishAsync(`chain/in/retained/${qos}`, `r${qos}`, {
        qos,
        retain: true,
        properties: {
          contentType: 'text/plain',
          userProperties: { a: ['1', '2'] },
          correlationData: Buffer.from([0, 255])
        }
      })
    }
    for (const qos of [0, 1, 2]) {
      const state = await eventually(async () => {
        const answer = await request(`${app.url}/v1/topic?name=chain/in/retained/${qos}`)
        return answer.status === 200 ? answer : null
      })
      assert.equal(state.body.retained.payloadText, `r${qos}`)
      assert.deepEqual([state.body.qos, state.body.retain, state.body.format], [qos, true, 'text'])
      assert.equal(state.body.properties.contentType, 'text/plain')
      assert.deepEqual(state.body.properties.userProperties, [
        ['a', '1'],
        ['a', '2']
      ])
      assert.equal(state.body.properties.correlationData, 'AP8=')
      assert.equal(state.headers.get('etag'), `"${state.body.seq}"`)
      const live = await request(`${app.url}/v1/topics/${filterOf(`chain/in/live/${qos}`)}`)
      assert.deepEqual([live.body.payload.qos, live.body.retain, live.body.retained], [qos, false, null])

      const fromSse = await sse.find('message', (data) => data.message.topic === `chain/in/live/${qos}`)
      assert.equal(fromSse.data.message.qos, qos)
      assert.equal(fromSse.data.cursor, fromSse.id)
      await sse.find('state', (data) => data.state.topic === `chain/in/retained/${qos}`)
      const queried = await graphql(
        app.url,
        `{ topic(name: "chain/in/live/${qos}") { topic qos payload seq retained { seq } } }`
      )
      assert.deepEqual(queried.topic.payload, { qos, exact: '12345678901234567890' })
    }
    await eventually(() => events.length >= 6)
    assert.deepEqual(
      events.map((event): string => event.messages.message.topic).toSorted(),
      [0, 1, 2].flatMap((qos) => [`chain/in/live/${qos}`, `chain/in/retained/${qos}`]).toSorted()
    )
    await eventually(() => states.filter((event) => event.topicStates.type === 'state').length >= 6)
    const page = await request(`${app.url}/v1/messages?filter=${filterOf('chain/in/#')}&order=asc`)
    assert.equal(page.body.items.length, 6)
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

  test(`${name}: an empty retained message leaves a tombstone with what was`, async () => {
    const { app, mqttUrl } = await start()
    const { client } = await connectClient(mqttUrl)
    await client.publishAsync('chain/gone', 'here', { qos: 1, retain: true })
    await client.publishAsync('chain/gone', '', { qos: 1, retain: true })
    const state = await eventually(async () => {
      const { body } = await request(`${app.url}/v1/topic?name=chain/gone`)
      return body.tombstone ? body : null
    })
    assert.equal(state.retained, null)
    assert.equal(state.tombstone.cause, 'cleared')
    assert.equal(state.tombstone.previous.payloadText, 'here')
  })

  test(`${name}: bytes come back as they were published, and cannot run as anything`, async () => {
    const { app, mqttUrl } = await start()
    const { client } = await connectClient(mqttUrl)
    const bytes = Buffer.from([0, 1, 255, 254, 60, 115, 99, 114, 105, 112, 116, 62])
    await client.publishAsync('chain/bytes', bytes, { qos: 1, properties: { contentType: 'text/html' } })
    const response = await eventually(async () => {
      const answer = await fetch(`${app.url}/v1/topics/${filterOf('chain/bytes')}/payload`)
      return answer.ok ? answer : null
    })
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes)
    assert.equal(response.headers.get('content-type'), 'application/octet-stream')
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })

  test(`${name}: a command by REST and one by mutation reach a real client, with MQTT 5 properties`, async () => {
    const { app, mqttUrl } = await start()
    const device = await connectClient(mqttUrl)
    await device.client.subscribeAsync('chain/out/#', { qos: 2 })
    const properties = {
      contentType: 'application/json',
      responseTopic: 'chain/answers',
      correlationData: Buffer.from('c1').toString('base64'),
      userProperties: [['who', 'rest']]
    }
    const posted = await postJson(
      `${app.url}/v1/commands`,
      { topic: 'chain/out/rest', payload: { on: true }, qos: 2, properties },
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
    assert.deepEqual([byRest.payload.toString(), byRest.qos], ['{"on":true}', 2])
    assert.equal(byRest.properties?.contentType, 'application/json')
    assert.equal(byRest.properties?.responseTopic, 'chain/answers')
    assert.equal(byRest.properties?.correlationData?.toString(), 'c1')
    assert.deepEqual(
      { ...byRest.properties?.userProperties },
      { who: 'rest', 'rialto-command-id': posted.body.id }
    )
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

  test(`${name}: a retained message is set and cleared over HTTP, if nobody else changed it`, async () => {
    const { app, mqttUrl } = await start()
    const { packets, client } = await connectClient(mqttUrl)
    await client.subscribeAsync('chain/http', { qos: 1 })
    const url = `${app.url}/v1/topics/${filterOf('chain/http')}/retained`
    const put = await request(url, {
      method: 'PUT',
      headers: { 'content-type': 'text/plain' },
      body: 'by http'
    })
    assert.equal(put.status, 200)
    await eventually(() => packets.find((packet) => packet.payload.toString() === 'by http'))
    const state = await eventually(async () => {
      const answer = await request(`${app.url}/v1/topics/${filterOf('chain/http')}`)
      return answer.body.retained ? answer : null
    })
    assert.equal(state.body.retained.payloadText, 'by http')
    const stale = await request(url, { method: 'DELETE', headers: { 'if-match': '"1"' } })
    assert.deepEqual([stale.status, stale.body.code], [412, 'precondition_failed'])
    const gone = await request(url, { method: 'DELETE', headers: { 'if-match': state.headers.get('etag')! } })
    assert.equal(gone.status, 200)
    await eventually(
      async () =>
        (await request(`${app.url}/v1/topics/${filterOf('chain/http')}`)).body.tombstone?.cause === 'cleared'
    )
  })

  test(`${name}: the accounts balance`, async () => {
    const { app } = await start()
    await eventually(() => {
      const { received, stored, duplicates, confirmed, held, abandoned } = app.stats
      assert.equal(received, stored + duplicates + confirmed + held + abandoned)
      return received > 0
    })
  })
}
