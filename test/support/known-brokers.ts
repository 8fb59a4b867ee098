/**
 * The brokers that run here, and what each of them can do. test/brokers/abilities.test.ts measures every line of it, so
 * that what the other tests expect of a broker, and what docs/brokers.md says of it, is what it does.
 */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import type { QoS } from '../../src/model.ts'
import type { RealBroker } from './broker-process.ts'
import { startBroker } from './broker.ts'
import { startMosquitto } from './mosquitto.ts'
import { startNats } from './nats.ts'
import { startRabbitmq } from './rabbitmq.ts'

const aedes = JSON.parse(
  readFileSync(new URL('../../node_modules/aedes/package.json', import.meta.url), 'utf8')
) as { version: string }

export type TopicAbility = 'as published' | `becomes ${string}` | 'closes the connection'

/** What only MQTT 5 has is false or null on a broker of 3.1.1. */
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
  /** What was not acknowledged comes again on the next connection: before what is new, or some time later. */
  redelivers: 'before what is new' | 'later' | 'never'
  redeliversWithDup: boolean
  redeliversSameIdentifiers: boolean
  /** Packet identifiers count up, one by one. */
  identifiersInSequence: 'across connections' | 'within a connection' | 'no'
  copiesOfOverlappingFilters: number
  /** DISCONNECT's reason code to the connection whose client id another one takes; null: just closed. */
  takeOverReasonCode: number | null
  /** PUBACK's reason code where nobody is subscribed. */
  nobodySubscribedReasonCode: number
  sharedSubscriptions:
    | 'each message to one'
    | 'each message to all'
    | 'granted, but nothing comes'
    | 'refused'
  /** Of CONNACK; null: not said. */
  maximumPacketBytes: number | null
  receiveMaximum: number | null
  topics: {
    space: TopicAbility
    dot: TopicAbility
    star: TopicAbility
    emoji: TopicAbility
    emptyLevel: TopicAbility
    leadingSlash: TopicAbility
  }
}

/** Topics that not every broker takes, by kind, below `prefix`. */
export const unusualTopics = (prefix: string): Record<keyof Abilities['topics'], string> => ({
  space: `${prefix}/a b`,
  dot: `${prefix}/c.d`,
  star: `${prefix}/s*/e`,
  emoji: `${prefix}/\u{1f600}/\u6e29`,
  emptyLevel: `${prefix}//x`,
  leadingSlash: `/${prefix}/y`
})

export interface KnownBroker {
  name: string
  /** As the program says. */
  version(): Promise<string>
  able: Abilities
  start(): Promise<Pick<RealBroker, 'url' | 'stop'>>
}

async function firstNumber(command: string, ...parameters: string[]): Promise<string> {
  // Mosquitto shows its help, and ends with 3
  const { stdout } = await promisify(execFile)(command, parameters).catch(
    (error: { stdout: string }) => error
  )
  return /\d+\.\d+\.\d+/.exec(stdout)![0]
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
  version: () => firstNumber('/usr/sbin/mosquitto', '-h'),
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
    redelivers: 'before what is new',
    redeliversWithDup: true,
    redeliversSameIdentifiers: true,
    identifiersInSequence: 'across connections',
    copiesOfOverlappingFilters: 2,
    takeOverReasonCode: null,
    nobodySubscribedReasonCode: 0x10,
    sharedSubscriptions: 'each message to one',
    maximumPacketBytes: 20_000_000, // as we start it
    receiveMaximum: null,
    topics: asPublished
  }
}

export const rabbitmq: KnownBroker = {
  name: 'RabbitMQ',
  version: () => firstNumber('dpkg-query', '--show', '--showformat', '${Version}', 'rabbitmq-server'),
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
    redeliversSameIdentifiers: false,
    identifiersInSequence: 'within a connection',
    copiesOfOverlappingFilters: 1,
    maximumPacketBytes: null,
    nobodySubscribedReasonCode: 0,
    sharedSubscriptions: 'granted, but nothing comes',
    topics: { ...asPublished, dot: 'becomes /', star: 'becomes +' }
  }
}

export const nats: KnownBroker = {
  name: 'NATS',
  version: () => firstNumber('/usr/sbin/nats-server', '--version'),
  start: () => startNats(),
  able: {
    ...mosquitto.able,
    versions: ['3.1.1'],
    grantedQos: [0, 1, 1],
    qos2ArrivesAs: null,
    retainAsPublished: false,
    retainHandling2: false,
    retainedExpires: false,
    redelivers: 'later',
    identifiersInSequence: 'no',
    maximumPacketBytes: null,
    nobodySubscribedReasonCode: 0,
    sharedSubscriptions: 'granted, but nothing comes',
    topics: { ...asPublished, space: 'closes the connection', dot: 'closes the connection' }
  }
}

export const embedded: KnownBroker = {
  name: 'The embedded broker',
  version: async () => aedes.version,
  start: () => startBroker(),
  able: {
    ...mosquitto.able,
    redelivers: 'later',
    redeliversWithDup: false,
    identifiersInSequence: 'within a connection',
    copiesOfOverlappingFilters: 1,
    takeOverReasonCode: 0x8e,
    nobodySubscribedReasonCode: 0,
    sharedSubscriptions: 'refused',
    maximumPacketBytes: 16 * 1024 * 1024
  }
}
