/**
 * Sends commands, as a process of its own: over HTTP, alone or many in a request, with a bare mqtt.js, or with a row committed
 * by a bare pg before. Each says when it was sent. `commander.ts http|mqtt|stored URL TOPIC PER_REQUEST [DATABASE_URL]`; told by
 * messages how many, on how many connections at once, and how often at most.
 */

import mqtt from 'mqtt'
import pg from 'pg'
import { openConnection, toRequest } from './http-load.ts'
import { now } from './wire.ts'

export interface CommanderTask {
  requests: number
  /** How many at once. */
  concurrency: number
  /** Requests a second; Infinity: each as soon as the one before is answered. */
  perSecond: number
}

/** When the first was sent and the last answered, and how long each answer took. */
export interface Commanded {
  begunAt: number
  answeredInMs: number[]
  /** CPU time of this process for each command. */
  cpuUs: number
}

type Send = (payloads: object[]) => Promise<void>

const [surface, url, topic, perRequest, databaseUrl] = process.argv.slice(2) as string[] as [
  keyof typeof surfaces,
  string,
  string,
  string,
  string | undefined
]
const payload = (): object => ({ sentAt: now(), state: 'on', brightness: 70, pad: 'x'.repeat(40) })

async function overHttp(): Promise<Send> {
  const connection = await openConnection(Number(new URL(url).port))
  return async (payloads) => {
    const commands = payloads.map((one) => ({ topic, payload: one, awaits: 'none' }))
    const request = toRequest('POST', '/v1/commands', commands.length === 1 ? commands[0]! : { commands })
    const answer = Buffer.concat(await connection.ask(request)).toString('utf8')
    if (!answer.startsWith('HTTP/1.1 202')) throw new Error(answer)
  }
}

let client: mqtt.MqttClient | null = null
async function overMqtt(): Promise<Send> {
  client ??= await mqtt.connectAsync(url, { protocolVersion: 5, properties: { receiveMaximum: 65_535 } })
  const connected = client
  return async (payloads) =>
    void (await Promise.all(
      payloads.map((one) => connected.publishAsync(topic, JSON.stringify(one), { qos: 1 }))
    ))
}

/** The least that a command costs which is kept: one row, one commit, one PUBLISH, one PUBACK. */
async function overMqttStored(): Promise<Send> {
  const publish = await overMqtt()
  const connection = new pg.Client({ connectionString: databaseUrl! })
  await connection.connect()
  await connection.query(
    'create table if not exists bare_commands (id bigserial primary key, topic text not null, payload bytea not null)'
  )
  return async (payloads) => {
    await connection.query({
      name: 'insert',
      text: 'insert into bare_commands (topic, payload) select $1, unnest($2::bytea[])',
      values: [topic, payloads.map((one) => Buffer.from(JSON.stringify(one)))]
    })
    await publish(payloads)
  }
}

const surfaces = { http: overHttp, mqtt: overMqtt, stored: overMqttStored }
const senders: Send[] = []

async function perform({ requests, concurrency, perSecond }: CommanderTask): Promise<Commanded> {
  while (senders.length < concurrency) senders.push(await surfaces[surface]())
  const answeredInMs: number[] = []
  let next = 0
  const before = process.cpuUsage()
  const begun = performance.now()
  const begunAt = now()
  const work = async (send: Send): Promise<void> => {
    for (let number = next++; number < requests; number = next++) {
      const due = begun + (number / perSecond) * 1_000
      const early = due - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      const sent = performance.now()
      await send(Array.from({ length: Number(perRequest) }, payload))
      answeredInMs.push(performance.now() - sent)
    }
  }
  await Promise.all(senders.slice(0, concurrency).map(work))
  const { user, system } = process.cpuUsage(before)
  return { begunAt, answeredInMs, cpuUs: (user + system) / (requests * Number(perRequest)) }
}

process.on('message', (task: CommanderTask) => {
  void perform(task).then((done) => process.send!(done))
})
process.on('disconnect', () => process.exit())
process.send!('ready')
