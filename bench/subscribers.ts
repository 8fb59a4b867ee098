/**
 * `npm run bench subscribers`: 1,000 subscribers, by SSE and by GraphQL over WebSocket, beside a bare `ws` broadcast of as
 * many bytes in the same run. All get every message, or each gets those of a topic of its own. Time is from the publication
 * over MQTT to the subscriber: at the service a commit is on the way, in the baseline nothing.
 */

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import mqtt from 'mqtt'
import { atEnd } from '../test/support/cleanup.ts'
import { createDatabase } from '../test/support/database.ts'
import { eventually } from '../test/support/eventually.ts'
import { startMosquitto } from '../test/support/mosquitto.ts'
import { startService } from '../test/support/service.ts'
import { median } from './cpu.ts'
import { cpuOf } from './ingest.ts'
import type { Deliveries, OpenTask, SubscriberTask } from './subscriber.ts'
import { now, webSocketHandshake } from './wire.ts'

const subscribers = 1_000
const rounds = Number(process.env['BENCH_REPEATS'] ?? 3)
/** One after the other, each when all have the one before or `pauseMs` later. */
const paced = { messages: 40, pauseMs: 250 }
const burst = 60
const msMax = 120_000

type Which = 'every message' | 'own topic'
const topicOf = (index: number): string => `bench/${String(index).padStart(4, '0')}`

interface Surface {
  name: string
  pid: number
  open: (which: Which) => Omit<OpenTask, 'do'>
}

interface Round {
  p50Ms: number
  p99Ms: number
  /** CPU time of the server for a message that comes alone. */
  messageUs: number
  /** Of a burst: deliveries a second, and CPU time of the server for each. */
  perSecond: number
  serverUs: number
}

const start = async (script: string, ...args: string[]): Promise<[child: ChildProcess, first: unknown]> => {
  const child = fork(new URL(script, import.meta.url), args, {
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  atEnd(() => child.kill('SIGKILL'))
  return [child, ((await once(child, 'message')) as [unknown])[0]]
}

export async function benchSubscribers(write: (line: string) => void): Promise<object[]> {
  const broker = await startMosquitto()
  const databaseUrl = await createDatabase()
  const service = await startService({
    DATABASE_URL: databaseUrl,
    MQTT_URL: broker.url,
    RIALTO_TOPICS: 'bench/#'
  })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const [reader] = await start('subscriber.ts')
  const [broadcaster, broadcastPort] = await start('broadcast.ts', broker.url)
  const publisher = await mqtt.connectAsync(broker.url, { protocolVersion: 5 })
  const port = Number(new URL(service.url).port)
  const tell = async <Result>(task: SubscriberTask & { count?: number }): Promise<Result> => {
    reader.send(task)
    return ((await once(reader, 'message')) as [Result])[0]
  }

  const surfaces: Surface[] = [
    {
      name: 'bare ws broadcast',
      pid: broadcaster.pid!,
      open: (which) => ({
        port: broadcastPort as number,
        first: paths(which, (topic) => webSocketHandshake(`/${topic ?? 'all'}`)),
        replies: [[]],
        opened: 'HTTP/1.1 101',
        webSocket: true
      })
    },
    {
      name: 'SSE',
      pid: service.child.pid!,
      open: (which) => ({
        port,
        first: paths(
          which,
          (topic) =>
            `GET /v1/stream?types=message&filter=${encodeURIComponent(topic ?? 'bench/#')} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`
        ),
        replies: [[]],
        opened: 'progress',
        webSocket: false
      })
    },
    {
      name: 'GraphQL over WebSocket',
      pid: service.child.pid!,
      open: (which) => ({
        port,
        first: [webSocketHandshake('/graphql', 'graphql-transport-ws')],
        replies: paths(which, (topic) => [
          { when: 'HTTP/1.1 101', webSocketText: '{"type":"connection_init"}' },
          {
            when: 'connection_ack',
            webSocketText: JSON.stringify({
              id: '1',
              type: 'subscribe',
              payload: { query: subscription, variables: { filter: [topic ?? 'bench/#'] } }
            })
          }
        ]),
        opened: 'progress',
        webSocket: true
      })
    }
  ]

  /** Publishes, and waits until all who are to have it have it. */
  async function deliver(messages: number, perMessage: number, pauseMs: number): Promise<Deliveries> {
    await tell({ do: 'expect', messages: messages * perMessage, msMax })
    const done = once(reader, 'message') as Promise<[Deliveries]>
    for (let number = 0; number < messages; number++) {
      // The broker's acknowledgement is waited for only where there is a pause
      const published = publisher.publishAsync(topicOf(number % subscribers), toPayload(number), { qos: 1 })
      if (pauseMs > 0) {
        await published
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      } else published.catch(() => {}) // the messages then do not come, and that fails
    }
    return (await done)[0]
  }

  async function round(surface: Surface, which: Which): Promise<Round> {
    await tell({ do: 'open', count: subscribers, ...surface.open(which) })
    const perMessage = which === 'every message' ? subscribers : 1
    const messages = which === 'every message' ? burst : burst * 50
    await deliver(3, perMessage, 200)
    const cpu = (): Promise<number> => cpuOf([surface.pid])
    const before = await cpu()
    const { ms } = await deliver(paced.messages, perMessage, paced.pauseMs)
    const [between, begun] = [await cpu(), now()]
    const { lastAt } = await deliver(messages, perMessage, 0)
    const sorted = ms.toSorted()
    const spent = await cpu()
    await tell({ do: 'close' })
    return {
      p50Ms: sorted[Math.floor(sorted.length / 2)]!,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
      messageUs: (between - before) / paced.messages,
      perSecond: (messages * perMessage) / ((lastAt - begun) / 1_000_000),
      serverUs: (spent - between) / (messages * perMessage)
    }
  }

  write(
    `${subscribers} subscribers, ${rounds} rounds, medians; ${paced.messages} messages, one each ${paced.pauseMs} ms, then a burst; all on this machine`
  )
  const results: object[] = []
  for (const which of ['every message', 'own topic'] as const) {
    write('')
    write(
      line([
        `to ${which}`,
        'p50 ms',
        'p99 ms',
        'CPU us/message',
        'burst per s',
        'CPU us',
        'x p50',
        'x p99',
        'x message',
        'x CPU'
      ])
    )
    broadcaster.send(await sizeOfEvent(service.url, publisher))
    await once(broadcaster, 'message')
    const measured = surfaces.map((): Round[] => [])
    for (let number = 0; number < rounds; number++)
      for (const [index, surface] of surfaces.entries()) measured[index]!.push(await round(surface, which))
    for (const [index, { name }] of surfaces.entries()) {
      const row = toRow(measured[index]!, measured[0]!)
      results.push({ subscribers, to: which, surface: name, ...row })
      write(line([name, ...Object.values(row)]))
    }
  }
  await publisher.endAsync()
  broadcaster.kill()
  reader.kill()
  await service.kill('SIGTERM')
  await broker.stop()
  return results
}

const subscription = `subscription ($filter: [String!]) { events(filter: $filter, types: [message]) {
  cursor type message { seq topic receivedAt qos retain dup format payload payloadText payloadBase64 payloadFault
    properties { contentType } } } }`

/** For each subscriber: of every message, or of a topic of its own. */
const paths = <Item>(which: Which, of: (topic: string | null) => Item): Item[] =>
  which === 'every message'
    ? [of(null)]
    : Array.from({ length: subscribers }, (_, index) => of(topicOf(index)))

/** 100 bytes of JSON. */
const toPayload = (number: number): string => {
  const head = `{"sentAt":${now()},"n":${number}`
  return `${head},"pad":"${'x'.repeat(100 - head.length - 9)}"}`
}

/** Bytes of the event that a message becomes on SSE. */
async function sizeOfEvent(url: string, publisher: mqtt.MqttClient): Promise<number> {
  const ending = new AbortController()
  const { body } = await fetch(`${url}/v1/stream?types=message`, { signal: ending.signal })
  let text = ''
  const events = body!.pipeThrough(new TextDecoderStream())
  for await (const chunk of events) {
    text += chunk
    const event = text.split('\n\n').find((block) => block.includes('sentAt'))
    if (event !== undefined && text.endsWith('\n\n')) {
      ending.abort()
      return Buffer.byteLength(event) + 2
    }
    if (text.includes('progress') && !text.includes('sentAt'))
      await publisher.publishAsync(topicOf(0), toPayload(0), { qos: 1 })
  }
  throw new Error('The stream ended')
}

function toRow(mine: readonly Round[], first: readonly Round[]) {
  const middle = (of: (round: Round) => number, digits: number): number =>
    Number(median(mine.map(of)).toFixed(digits))
  const times = (of: (round: Round) => number): number =>
    Number(median(mine.map((round, at) => of(round) / of(first[at]!))).toFixed(2))
  return {
    p50Ms: middle(({ p50Ms }) => p50Ms, 1),
    p99Ms: middle(({ p99Ms }) => p99Ms, 1),
    serverUsPerMessage: middle(({ messageUs }) => messageUs, 0),
    burstPerSecond: middle(({ perSecond }) => perSecond, 0),
    serverUsPerDelivery: middle(({ serverUs }) => serverUs, 1),
    timesP50: times(({ p50Ms }) => p50Ms),
    timesP99: times(({ p99Ms }) => p99Ms),
    timesCpuOfMessage: times(({ messageUs }) => messageUs),
    timesCpuOfDelivery: times(({ serverUs }) => serverUs)
  }
}

const widths = [26, 9, 9, 16, 13, 9, 9, 9, 11, 9]
const line = (cells: ReadonlyArray<string | number>): string =>
  cells
    .map((cell, at) => (at === 0 ? String(cell).padEnd(widths[0]!) : String(cell).padStart(widths[at]!)))
    .join('')
