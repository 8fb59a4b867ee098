/**
 * A scripted broker that keeps subscriptions and retained messages, and holds clients to a vendor's rules: it closes the
 * connection of whoever breaks one, with a reason code where there is one, and writes down why.
 */

import type { IConnackPacket, IConnectPacket, IPublishPacket, ISubscribePacket, Packet } from 'mqtt-packet'
import { compileFilter } from '../../src/topic.ts'
import { eventually } from './eventually.ts'
import type { ScriptedBroker, ScriptedConnection } from './scripted-broker.ts'
import { answer, startScriptedBroker } from './scripted-broker.ts'

export interface Rules {
  connackProperties?: IConnackPacket['properties']
  /** CONNACK's reason code for a CONNECT, 0 to accept, null to close without a word. */
  connect?: (packet: IConnectPacket, broker: StrictBroker) => number | null
  clientIdBytesMax?: number
  filtersPerSubscribeMax?: number
  filtersPerConnectionMax?: number
  /** SUBACK's code for a filter, where it is not granted. */
  refuseFilter?: (filter: string) => number | null
  /** No SUBACK and no PUBACK for more than the Maximum QoS, instead of a refusal. */
  silentAboveMaximumQos?: boolean
  payloadBytesMax?: number
  topicSlashesMax?: number
  topicBytesMax?: number
  /** How long it takes to answer a PUBLISH. */
  answerMs?: number
  /** Retained messages come this many at a time, with a pause between. */
  retainedBatch?: { messages: number; pauseMs: number }
}

export interface StrictBroker extends ScriptedBroker {
  /** Why connections were closed, oldest first. */
  broken: string[]
  published: IPublishPacket[]
  retained: Map<string, IPublishPacket>
  /** Most QoS 1 and 2 messages of one client that waited for an answer at once. */
  inFlightMost: number
  subscriptions: Map<string, Map<string, number>>
  /** Sends to the session's open connection, and resolves when it is acknowledged. */
  deliver(clientId: string, topic: string, payload: string): Promise<void>
}

const tooLarge = 0x95
const invalidTopic = 0x90
const receiveMaximumExceeded = 0x93
const qosNotSupported = 0x9b
const retainNotSupported = 0x9a
const quotaExceeded = 0x97

export async function startStrictBroker(rules: Rules): Promise<StrictBroker> {
  const properties = rules.connackProperties ?? {}
  const inFlight = new Map<ScriptedConnection, number>()
  const lastHeard = new Map<ScriptedConnection, number>()
  let packetId = 0

  const scripted = await startScriptedBroker({
    connackProperties: properties,
    onPacket(packet, connection) {
      const before = lastHeard.get(connection)
      lastHeard.set(connection, Date.now())
      const keepAlive = properties.serverKeepAlive
      if (keepAlive !== undefined && before !== undefined && Date.now() - before > keepAlive * 1_500)
        return close(connection, 0x8d, 'keep alive timeout') // [MQTT-3.1.2-22]
      switch (packet.cmd) {
        case 'connect':
          return onConnect(packet, connection)
        case 'subscribe':
          return onSubscribe(packet, connection)
        case 'publish':
          return onPublish(packet, connection)
        case 'pubrec':
          connection.send({ cmd: 'pubrel', messageId: packet.messageId! })
          return true
        default:
          return false
      }
    }
  })
  const broker: StrictBroker = Object.assign(scripted, {
    broken: [],
    published: [],
    retained: new Map(),
    inFlightMost: 0,
    subscriptions: new Map(),
    async deliver(clientId: string, topic: string, payload: string): Promise<void> {
      const connection = await eventually(() => scripted.open(clientId))
      const qos = grantFor(clientId, topic)
      const messageId = ++packetId
      connection.send({ cmd: 'publish', topic, payload, qos, messageId, dup: false, retain: false })
      const last = qos === 2 ? 'pubcomp' : 'puback'
      await eventually(() =>
        connection.received.some((packet) => packet.cmd === last && packet.messageId === messageId)
      )
    }
  })

  function close(connection: ScriptedConnection, reasonCode: number, why: string): true {
    broker.broken.push(why)
    if (connection.version === 5) connection.send({ cmd: 'disconnect', reasonCode })
    connection.socket.end()
    return true
  }

  function grantFor(clientId: string, topic: string): 1 | 2 {
    const granted = [...(broker.subscriptions.get(clientId) ?? [])].flatMap(([filter, qos]) =>
      compileFilter(filter)(topic) ? [qos] : []
    )
    if (granted.length === 0) throw new Error(`${clientId} is not subscribed to ${topic}`)
    return Math.max(...granted) === 2 ? 2 : 1
  }

  function onConnect(packet: IConnectPacket, connection: ScriptedConnection): boolean {
    const tooLong = Buffer.byteLength(packet.clientId) > (rules.clientIdBytesMax ?? 65_535)
    if (tooLong) broker.broken.push(`client id ${packet.clientId}`)
    const code = tooLong ? 0x85 : rules.connect === undefined ? 0 : rules.connect(packet, broker)
    if (code === 0) return false
    if (code === null) {
      connection.socket.destroy()
      return true
    }
    connection.send({ cmd: 'connack', sessionPresent: false, reasonCode: code, returnCode: code })
    connection.socket.end()
    return true
  }

  function onSubscribe(packet: ISubscribePacket, connection: ScriptedConnection): boolean {
    const { subscriptions, messageId } = packet
    const perSubscribe = rules.filtersPerSubscribeMax ?? Infinity
    if (subscriptions.length > perSubscribe)
      return close(connection, quotaExceeded, `${subscriptions.length} filters in a SUBSCRIBE`)
    const maximumQos = properties.maximumQoS ?? 2
    if (rules.silentAboveMaximumQos && subscriptions.some(({ qos }) => qos > maximumQos)) {
      broker.broken.push(`SUBSCRIBE of QoS ${subscriptions[0]!.qos}`)
      return true
    }
    const own = broker.subscriptions.get(connection.clientId) ?? new Map<string, number>()
    broker.subscriptions.set(connection.clientId, own)
    const granted = subscriptions.map(({ topic, qos }) => {
      const refused = rules.refuseFilter?.(topic) ?? null
      if (refused !== null) return refused
      own.set(topic, Math.min(qos, maximumQos))
      return Math.min(qos, maximumQos)
    })
    if (own.size > (rules.filtersPerConnectionMax ?? Infinity))
      return close(connection, quotaExceeded, `${own.size} subscriptions`)
    connection.send({ cmd: 'suback', messageId: messageId!, granted })
    const wanted = subscriptions.filter(({ rh }, index) => granted[index]! < 0x80 && rh !== 2)
    const matches = wanted.map(({ topic }) => compileFilter(topic))
    const found = [...broker.retained.values()].filter(({ topic }) => matches.some((match) => match(topic)))
    void sendRetained(found, connection)
    return true
  }

  async function sendRetained(
    found: readonly IPublishPacket[],
    connection: ScriptedConnection
  ): Promise<void> {
    const { messages, pauseMs } = rules.retainedBatch ?? { messages: Infinity, pauseMs: 0 }
    for (const [index, { topic, payload }] of found.entries()) {
      if (index > 0 && index % messages === 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
      connection.send({
        cmd: 'publish',
        topic,
        payload,
        qos: 1,
        messageId: ++packetId,
        dup: false,
        retain: true
      })
    }
  }

  function onPublish(packet: IPublishPacket, connection: ScriptedConnection): boolean {
    const { topic, payload, qos, retain } = packet
    const maximumQos = properties.maximumQoS ?? 2
    if (qos > maximumQos) {
      if (!rules.silentAboveMaximumQos) return close(connection, qosNotSupported, `PUBLISH of QoS ${qos}`)
      broker.broken.push(`PUBLISH of QoS ${qos}`)
      return true
    }
    if (retain && properties.retainAvailable === false)
      return close(connection, retainNotSupported, 'a retained PUBLISH')
    if (
      payload.length > (rules.payloadBytesMax ?? Infinity) ||
      bytesOf(packet) > (properties.maximumPacketSize ?? Infinity)
    )
      return close(connection, tooLarge, `a PUBLISH of ${payload.length} bytes`)
    const slashes = topic.split('/').length - 1
    if (
      slashes > (rules.topicSlashesMax ?? Infinity) ||
      Buffer.byteLength(topic) > (rules.topicBytesMax ?? Infinity)
    )
      return close(connection, invalidTopic, `a topic of ${slashes} slashes`)
    const waiting = (inFlight.get(connection) ?? 0) + (qos > 0 ? 1 : 0)
    inFlight.set(connection, waiting)
    broker.inFlightMost = Math.max(broker.inFlightMost, waiting)
    if (waiting > (properties.receiveMaximum ?? 65_535))
      return close(connection, receiveMaximumExceeded, `${waiting} messages in flight`)
    broker.published.push(packet)
    if (retain && payload.length > 0) broker.retained.set(topic, packet)
    else if (retain) broker.retained.delete(topic)
    setTimeout(() => {
      if (qos > 0) inFlight.set(connection, inFlight.get(connection)! - 1)
      answer(packet, connection, broker)
    }, rules.answerMs ?? 0)
    return true
  }

  return broker
}

/** Remaining length, as the parser read it. */
const bytesOf = (packet: Packet): number => packet.length ?? 0
