/**
 * The brokers that run here, and what each of them can do. test/brokers/abilities.test.ts measures every line of it, so
 * that what the other tests expect of a broker, and what docs/brokers.md says of it, is what it does.
 */

import type { QoS } from '../../src/model.ts'
import type { RealBroker } from './broker-process.ts'
import { startBroker } from './broker.ts'
import { startMosquitto } from './mosquitto.ts'
import { startNats } from './nats.ts'
import { startRabbitmq } from './rabbitmq.ts'

export type TopicAbility = 'as published' | `becomes ${string}` | 'closes the connection'

/** Where MQTT 3.1.1 has no such thing, or the broker does not do it: null or false, never a guess. */
export interface Abilities {
  versions: ReadonlyArray<'3.1.1' | '5'>
  /** For QoS 0, 1 and 2 asked. */
  grantedQos: readonly [QoS, QoS, QoS]
  /** As what a PUBLISH of QoS 2 reaches a subscriber of QoS 2; null: it closes the publisher's connection. */
  qos2ArrivesAs: QoS | null
  retainedByExactTopic: boolean
  retainedByWildcard: boolean
  retainAsPublished: boolean
  /** Sends nothing retained at SUBSCRIBE with retain handling 2. */
  retainHandling2: boolean
  retainedExpires: boolean
  sessionResumed: boolean
  queuesQos1Offline: boolean
  queuesQos0Offline: boolean
  /** What was not acknowledged comes again on the next connection: at once, or only after a wait of the broker's. */
  redelivers: 'at once' | 'after a wait' | 'never'
  redeliversWithDup: boolean
  redeliversSameIdentifiers: boolean
  /** Packet identifiers count up, one by one. */
  identifiersInSequence: boolean
  copiesOfOverlappingFilters: number
  /** DISCONNECT's reason code to the connection whose client id another one takes; null: just closed. */
  takeOverReasonCode: number | null
  /** PUBACK's reason code where nobody is subscribed. */
  nobodySubscribedReasonCode: number
  sharedSubscriptions: 'each message to one' | 'granted, but nothing comes' | 'refused'
  /** Of CONNACK; null: not said. */
  maximumPacketBytes: number | null
  receiveMaximum: number | null
  topicAliasMaximum: number | null
  topics: {
    space: TopicAbility
    dot: TopicAbility
    star: TopicAbility
    emoji: TopicAbility
    emptyLevel: TopicAbility
    leadingSlash: TopicAbility
  }
}

export interface KnownBroker {
  name: string
  version: string
  able: Abilities
  start(): Promise<Pick<RealBroker, 'url' | 'stop'>>
}

const asPublished = {
  space: 'as published',
  dot: 'as published',
  star: 'as published',
  emoji: 'as published',
  emptyLevel: 'as published',
  leadingSlash: 'as published'
} as const

export const mosquitto: KnownBroker = {
  name: 'Mosquitto',
  version: '2.0.11',
  start: () => startMosquitto(),
  able: {
    versions: ['3.1.1', '5'],
    grantedQos: [0, 1, 2],
    qos2ArrivesAs: 2,
    retainedByExactTopic: true,
    retainedByWildcard: true,
    retainAsPublished: true,
    retainHandling2: true,
    retainedExpires: true,
    sessionResumed: true,
    queuesQos1Offline: true,
    queuesQos0Offline: false,
    redelivers: 'at once',
    redeliversWithDup: true,
    redeliversSameIdentifiers: true,
    identifiersInSequence: true,
    copiesOfOverlappingFilters: 1,
    takeOverReasonCode: null,
    nobodySubscribedReasonCode: 0x10,
    sharedSubscriptions: 'each message to one',
    maximumPacketBytes: null,
    receiveMaximum: null,
    topicAliasMaximum: null,
    topics: asPublished
  }
}

export const rabbitmq: KnownBroker = {
  name: 'RabbitMQ',
  version: '3.10.8',
  start: () => startRabbitmq(),
  able: {
    ...mosquitto.able,
    versions: ['3.1.1'],
    grantedQos: [0, 1, 1],
    qos2ArrivesAs: 1,
    retainedByWildcard: false,
    retainAsPublished: false,
    retainHandling2: false,
    retainedExpires: false,
    queuesQos0Offline: true,
    nobodySubscribedReasonCode: 0,
    sharedSubscriptions: 'granted, but nothing comes',
    topics: { ...asPublished, dot: 'becomes /', star: 'becomes +' }
  }
}

export const nats: KnownBroker = {
  name: 'NATS',
  version: '2.9.10',
  start: () => startNats(),
  able: {
    ...mosquitto.able,
    versions: ['3.1.1'],
    grantedQos: [0, 1, 1],
    qos2ArrivesAs: null,
    retainAsPublished: false,
    retainHandling2: false,
    retainedExpires: false,
    redelivers: 'after a wait',
    copiesOfOverlappingFilters: 2,
    nobodySubscribedReasonCode: 0,
    sharedSubscriptions: 'granted, but nothing comes',
    topics: { ...asPublished, space: 'closes the connection', dot: 'closes the connection' }
  }
}

export const embedded: KnownBroker = {
  name: 'The embedded broker',
  version: 'aedes 2.0.0-beta.1',
  start: () => startBroker(),
  able: { ...mosquitto.able, nobodySubscribedReasonCode: 0 }
}
