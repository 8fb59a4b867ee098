/** Finds out what a broker can do, by doing it. */

import { randomBytes } from 'node:crypto'
import type { IClientOptions, IConnackPacket, IPublishPacket, MqttClient, Packet } from 'mqtt'
import mqtt from 'mqtt'
import type { QoS } from '../../src/model.ts'
import { eventually } from './eventually.ts'
import type { Abilities, TopicAbility } from './known-brokers.ts'
import { unusualTopics } from './known-brokers.ts'

/** How long something that should not come is waited for, after everything sent before and after it has come. */
const graceMs = 400
/** Longer than any wait before a redelivery that test brokers are configured with. */
const redeliveryMsMax = 15_000
/** What comes at all has come by then. */
const replayMsMax = 3_000
const messages = 20

interface Probe {
  client: MqttClient
  connack: IConnackPacket
  packets: IPublishPacket[]
  /** All that came, messages or not. */
  received: Packet[]
  closed: Promise<void>
  end(): Promise<void>
}

export async function measure(url: string): Promise<Abilities> {
  const versions = (
    await Promise.all(
      (['3.1.1', '5'] as const).map(async (version) =>
        open(url, { protocolVersion: version === '5' ? 5 : 4 }).then(
          (probe) => probe.end().then(() => [version]),
          () => []
        )
      )
    )
  ).flat()
  const protocolVersion = versions.includes('5') ? 5 : 4
  const connect = (options: IClientOptions = {}): Promise<Probe> => open(url, { protocolVersion, ...options })
  const first = await connect()
  const properties = first.connack.properties ?? {}
  await first.end()
  return {
    versions,
    grantedQos: await measureGrants(connect),
    qos2ArrivesAs: await measureQos2(connect),
    ...(await measureRetained(connect, protocolVersion)),
    ...(await measureSession(connect)),
    ...(await measureRedelivery(connect)),
    copiesOfOverlappingFilters: await measureOverlap(connect),
    takeOverReasonCode: await measureTakeOver(connect),
    nobodySubscribedReasonCode: await measureNobody(connect),
    sharedSubscriptions: await measureShared(connect),
    maximumPacketBytes: properties.maximumPacketSize ?? null,
    receiveMaximum: properties.receiveMaximum ?? null,
    topics: await measureTopics(connect)
  }
}

type Connect = (options?: IClientOptions) => Promise<Probe>

const name = (): string => `p${randomBytes(5).toString('hex')}`

async function open(url: string, options: IClientOptions): Promise<Probe> {
  const client = mqtt.connect(url, {
    reconnectPeriod: 0,
    resubscribe: false,
    connectTimeout: 5_000,
    ...options
  })
  const packets: IPublishPacket[] = []
  const received: Packet[] = []
  client.on('packetreceive', (packet) => {
    received.push(packet)
    if (packet.cmd === 'publish') packets.push(packet)
  })
  const closed = new Promise<void>((resolve) => client.once('close', resolve))
  const connack = await new Promise<IConnackPacket>((resolve, reject) => {
    client.once('connect', resolve)
    client.on('error', reject)
    client.once('close', () => reject(new Error('closed')))
  })
  return {
    client,
    connack,
    packets,
    received,
    closed,
    async end() {
      await client.endAsync(true)
    }
  }
}

/** After this, what was on its way to `probe` has come. */
async function settle(probe: Probe, connect: Connect): Promise<void> {
  const marker = name()
  await probe.client.subscribeAsync(marker, { qos: 1 })
  const sender = await connect()
  await sender.client.publishAsync(marker, '', { qos: 1 })
  await sender.end()
  await eventually(() => probe.packets.some((packet) => packet.topic === marker))
  const rest = probe.packets.filter((packet) => packet.topic !== marker)
  probe.packets.splice(0, probe.packets.length, ...rest)
  await new Promise((resolve) => setTimeout(resolve, graceMs))
}

const texts = (probe: Probe): string[] => probe.packets.map((packet) => packet.payload.toString())

async function publish(
  connect: Connect,
  topic: string,
  payloads: readonly string[],
  options: object
): Promise<void> {
  const sender = await connect()
  for (const payload of payloads) await sender.client.publishAsync(topic, payload, options)
  await sender.client.publishAsync(name(), '', { qos: 1 }) // then what was sent before, of QoS 0 too, has come
  await sender.end()
}

async function measureGrants(connect: Connect): Promise<[QoS, QoS, QoS]> {
  const probe = await connect()
  const granted: QoS[] = []
  for (const qos of [0, 1, 2] as const)
    granted.push((await probe.client.subscribeAsync(name(), { qos }))[0]!.qos as QoS)
  await probe.end()
  return granted as [QoS, QoS, QoS]
}

async function measureQos2(connect: Connect): Promise<QoS | null> {
  const [subscriber, publisher, topic] = [await connect(), await connect(), name()]
  await subscriber.client.subscribeAsync(topic, { qos: 2 })
  const published = publisher.client.publishAsync(topic, 'x', { qos: 2 }).then(() => true)
  published.catch(() => {})
  const taken = await Promise.race([published, publisher.closed.then(() => false)])
  if (taken) await eventually(() => subscriber.packets.length > 0)
  const qos = taken ? subscriber.packets[0]!.qos : null
  await Promise.all([subscriber.end(), publisher.end()])
  return qos
}

async function measureRetained(
  connect: Connect,
  version: 4 | 5
): Promise<
  Pick<
    Abilities,
    | 'retainedByExactTopic'
    | 'retainedByWildcard'
    | 'retainAsPublished'
    | 'retainHandling2'
    | 'retainedExpires'
  >
> {
  const parent = name()
  const topic = `${parent}/kept`
  await publish(connect, topic, ['kept'], { qos: 1, retain: true })
  const found = async (filter: string, options: object = {}): Promise<IPublishPacket[]> => {
    const probe = await connect()
    await probe.client.subscribeAsync(filter, { qos: 1, ...options })
    const kept = (): IPublishPacket[] => probe.packets.filter(({ payload }) => payload.toString() !== '')
    await eventually(() => kept().length > 0, { withinMs: replayMsMax }).catch(() => {})
    await settle(probe, connect)
    await probe.end()
    return kept()
  }
  const byExact = await found(topic)
  const byWildcard = [...(await found(`${parent}/+`)), ...(await found(`${parent}/#`))]

  let asPublished = false
  let expires = false
  if (version === 5) {
    const watcher = await connect()
    await watcher.client.subscribeAsync(`${parent}/live`, { qos: 1, rap: true })
    await publish(connect, `${parent}/live`, ['x'], { qos: 1, retain: true })
    await eventually(() => watcher.packets.length > 0)
    asPublished = watcher.packets[0]!.retain
    await watcher.end()
    const expiring = { qos: 1, retain: true, properties: { messageExpiryInterval: 1 } }
    await publish(connect, `${parent}/brief`, ['x'], expiring)
    expires = await eventually(async () => (await found(`${parent}/brief`)).length === 0, {
      withinMs: 10_000
    }).catch(() => false)
  }
  return {
    retainedByExactTopic: byExact.length === 1 && byExact[0]!.retain,
    retainedByWildcard: byWildcard.length === 2,
    retainAsPublished: asPublished,
    retainHandling2: version === 5 && (await found(topic, { rh: 2 })).length === 0,
    retainedExpires: expires
  }
}

async function measureSession(
  connect: Connect
): Promise<Pick<Abilities, 'sessionResumed' | 'queuesQos1Offline' | 'queuesQos0Offline'>> {
  const [resume, topic] = [persistent(connect), name()]
  const before = await resume()
  await before.client.subscribeAsync(topic, { qos: 1 })
  await before.end()
  await publish(connect, topic, ['one'], { qos: 1 })
  await publish(connect, topic, ['zero'], { qos: 0 })
  const after = await resume()
  // Some brokers hand out what was queued only after what came since, so our own message there proves nothing
  await eventually(() => texts(after).includes('one'), { withinMs: redeliveryMsMax }).catch(() => {})
  await settle(after, connect)
  await after.end()
  return {
    sessionResumed: after.connack.sessionPresent,
    queuesQos1Offline: texts(after).includes('one'),
    queuesQos0Offline: texts(after).includes('zero')
  }
}

/** Connects to one and the same session, again and again. */
function persistent(connect: Connect): (options?: IClientOptions) => Promise<Probe> {
  const clientId = name()
  return (options = {}) =>
    connect({ clientId, clean: false, properties: { sessionExpiryInterval: 300 }, ...options })
}

async function measureRedelivery(
  connect: Connect
): Promise<
  Pick<Abilities, 'redelivers' | 'redeliversWithDup' | 'redeliversSameIdentifiers' | 'identifiersInSequence'>
> {
  const [resume, topic] = [persistent(connect), name()]
  const before = await resume()
  await before.client.subscribeAsync(topic, { qos: 1 })
  // Slowly, so that each is acknowledged before the next: who takes the lowest free identifier shows it
  for (const payload of ['a', 'b', 'c']) {
    await publish(connect, topic, [payload], { qos: 1 })
    await settle(before, connect)
  }
  before.packets.length = 0
  before.client.handleMessage = (_packet, done) => done(new Error('so that MQTT.js acknowledges nothing'))
  await publish(connect, topic, Array.from({ length: messages }, String), { qos: 1 })
  await eventually(() => before.packets.length === messages)
  await before.end()

  const after = await resume()
  await publish(connect, topic, ['new'], { qos: 1 })
  await eventually(() => texts(after).includes('new'))
  const atOnce = texts(after).indexOf('new') === messages
  const redelivered = await eventually(() => after.packets.length >= messages + 1, {
    withinMs: redeliveryMsMax
  }).catch(() => false)
  await after.end()
  const again = after.packets.filter((packet) => packet.payload.toString() !== 'new')
  const first = before.received.flatMap((packet) => (packet.cmd === 'publish' ? [packet.messageId!] : []))
  const next = after.packets.find((packet) => packet.payload.toString() === 'new')!.messageId!
  const counted = first.every((id, index) => index === 0 || id === first[index - 1]! + 1)
  return {
    redelivers: !redelivered ? 'never' : atOnce ? 'before what is new' : 'later',
    redeliversWithDup: again.length > 0 && again.every((packet) => packet.dup),
    redeliversSameIdentifiers:
      again.map((packet) => packet.messageId!).join() === first.slice(-messages).join(),
    identifiersInSequence: !counted
      ? 'no'
      : next === first.at(-1)! + 1
        ? 'across connections'
        : 'within a connection'
  }
}

async function measureOverlap(connect: Connect): Promise<number> {
  const [probe, topic] = [await connect(), name()]
  await probe.client.subscribeAsync([`${topic}/#`, `${topic}/a`], { qos: 1 })
  await publish(connect, `${topic}/a`, ['x'], { qos: 1 })
  await eventually(() => texts(probe).length > 1, { withinMs: replayMsMax }).catch(() => {})
  await settle(probe, connect)
  await probe.end()
  return texts(probe).filter((text) => text === 'x').length
}

async function measureTakeOver(connect: Connect): Promise<number | null> {
  const clientId = name()
  const former = await connect({ clientId })
  const latter = await connect({ clientId })
  await former.closed
  await latter.end()
  const disconnect = former.received.find((packet) => packet.cmd === 'disconnect')
  return (disconnect as { reasonCode?: number } | undefined)?.reasonCode ?? null
}

async function measureNobody(connect: Connect): Promise<number> {
  const probe = await connect()
  await probe.client.publishAsync(name(), 'x', { qos: 1 })
  const puback = probe.received.find((packet) => packet.cmd === 'puback')
  await probe.end()
  return (puback as { reasonCode?: number }).reasonCode ?? 0
}

async function measureShared(connect: Connect): Promise<Abilities['sharedSubscriptions']> {
  const [one, other, topic] = [await connect(), await connect(), name()]
  try {
    for (const { client } of [one, other]) {
      const granted = await client.subscribeAsync(`$share/${topic}/${topic}`, { qos: 1 })
      if (granted[0]!.qos >= 0x80) return 'refused'
    }
  } catch {
    return 'refused'
  }
  await publish(connect, topic, Array.from({ length: messages }, String), { qos: 1 })
  for (const probe of [one, other]) await settle(probe, connect)
  await Promise.all([one.end(), other.end()])
  const total = [one, other].flatMap(texts).filter((text) => text !== '').length
  if (total === 0) return 'granted, but nothing comes'
  return total === messages ? 'each message to one' : 'each message to all'
}

async function measureTopics(connect: Connect): Promise<Abilities['topics']> {
  const prefix = name()
  const entries: Array<[string, TopicAbility]> = []
  for (const [kind, topic] of Object.entries(unusualTopics(prefix))) {
    const [subscriber, publisher] = [await connect(), await connect()]
    await subscriber.client.subscribeAsync([`${prefix}/#`, `/${prefix}/#`], { qos: 1 })
    const published = publisher.client.publishAsync(topic, 'x', { qos: 1 }).then(() => true)
    published.catch(() => {})
    const taken = await Promise.race([published, publisher.closed.then(() => false)])
    if (taken) await eventually(() => subscriber.packets.length > 0)
    entries.push([kind, taken ? comparison(topic, subscriber.packets[0]!.topic) : 'closes the connection'])
    await Promise.all([subscriber.end(), publisher.end()])
  }
  return Object.fromEntries(entries) as Abilities['topics']
}

function comparison(published: string, arrived: string): TopicAbility {
  if (published === arrived) return 'as published'
  let at = 0
  while (published[at] === arrived[at]) at++
  return `becomes ${arrived[at]}`
}
