/** The domain's types, in the field's words. Imports nothing. */

/** Position in the journal: dense, in commit order, from 1. A safe integer here, a decimal string in JSON. */
export type Seq = number

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Millis = number

export type QoS = 0 | 1 | 2

/** MQTT 5 properties that travel with an application message [MQTT-3.3.2.3]. */
export interface MessageProperties {
  contentType?: string
  /** 1 = the publisher says the payload is UTF-8 [MQTT-3.3.2.3.2]. */
  payloadFormatIndicator?: 0 | 1
  /** Seconds; what was left when the broker sent the message [MQTT-3.3.2-6]. */
  messageExpiryInterval?: number
  responseTopic?: string
  /** Base64 of the bytes. */
  correlationData?: string
  /** In order, names may repeat [MQTT-3.1.3-10]. */
  userProperties?: Array<[name: string, value: string]>
}

/** An application message as received. */
export interface Message {
  seq: Seq
  topicId: number
  topic: string
  receivedAt: Millis
  qos: QoS
  /** null: not knowable, because MQTT 3.1.1 clears the flag on live messages [MQTT-3.3.1-9]. */
  retain: boolean | null
  dup: boolean
  payload: Buffer
  properties: MessageProperties | null
}

/** What a journal row says; the numbers are stored, so they never change. */
export const factKinds = {
  message: 1,
  snapshot: 2,
  cleared: 3,
  expired: 4,
  command: 5,
  presence: 6,
  gap: 7,
  datapoints: 8,
  projection: 9,
  forgotten: 10,
  /** Datapoints of one device that a client brought. */
  imported: 11
} as const

export type FactKind = keyof typeof factKinds

export const factKindNames = Object.fromEntries(
  Object.entries(factKinds).map(([name, number]) => [number, name])
) as Record<number, FactKind>

/** Why an interval may be incomplete. */
export type GapCause =
  /** The broker had no session any more: whatever it had queued is gone. */
  | 'session_lost'
  /** The connection was down: QoS 0 messages of the interval were not queued; on a clean session, none were. */
  | 'absence'
  /** Another client used our client id, and had the session meanwhile: what it was sent, we were not. */
  | 'taken_over'
  /** QoS 0 messages that were received and could not be committed, since another instance took over. */
  | 'abandoned'
  /** A message larger than `packetBytesMax` was discarded and acknowledged. */
  | 'packet_too_large'
  /** A message whose topic is not a legal topic name; its payload is kept in the fact. */
  | 'invalid_topic'
  /** A message that Postgres refuses to store; kept in the fact as far as it can be. */
  | 'unstorable'
  /** The database was restored from a backup: what was stored after the backup is gone. */
  | 'restored'

export interface GapDetail {
  cause: GapCause
  session: string
  from: Millis
  to: Millis
  /** Messages known to be concerned, or null where nobody can tell. */
  messages: number | null
  [more: string]: unknown
}

/** The `detail` of what is learned of a retained message otherwise than by receiving it live. */
export interface RetainedDetail {
  /** Of a snapshot: what came live is newer, so the message found is not the latest. */
  latest?: false
  /** Something came live meanwhile, so it is not known what the broker retains now. */
  known?: false
  /** Of what was found gone, or expired. */
  retainedSeq?: Seq
}

/** One row of the journal. */
export interface Fact {
  seq: Seq
  /** When it was committed, by the database's clock; never goes back. */
  at: Millis
  kind: FactKind
  topicId: number | null
  topic: string | null
  /** For message, snapshot and cleared: what came. For imported: datapoints, as history/imported.ts writes them. */
  message: Message | null
  commandId: string | null
  detail: unknown
}

export type TombstoneCause = 'cleared' | 'expired' | 'reconciled'

export interface Tombstone {
  at: Millis
  seq: Seq
  cause: TombstoneCause
  previous: Message | null
}

/** What Rialto knows of one topic now. */
export interface TopicState {
  topicId: number
  topic: string
  /** The newest fact that changed this state: its version, and its ETag. */
  seq: Seq
  latest: Message
  retained: Message | null
  retainedKnown: boolean
  tombstone: Tombstone | null
  expiresAt: Millis | null
  confirmedAt: Millis | null
}

/** Who asks, and what they may see and do. Every read of store and feed takes one. */
export interface Access {
  principal: string
  mayRead(topic: string): boolean
  /** It may read every topic there is, so that nobody need ask for each. */
  readsAll?: true | undefined
  mayPublish(topic: string): boolean
  /** Commands that came to `topic` for a device, by its name: also where the topic may not be read. None where not given. */
  mayReadDevice?(device: string, topic: string): boolean
  /** Commands to a device by its name, that come to `topic`, whatever it is within the tenant. None where not given. */
  mayCommandDevice?(device: string, topic: string): boolean
  /** It may change how the service works, and see what is about all of it. */
  administers?: true | undefined
  /** Address of the client, for the audit. */
  address?: string
  /** Aborts when it is over: revoked or expired. What runs for it then ends within a second. */
  ended?: AbortSignal
  /** When it ends by itself. Absent: it does not, as far as is known. */
  expiresAt?: Millis | undefined
  /** Stands for all that it may now: another object when any of it changed, so that what was found for it before is not shown. */
  rights?: object
}

/** The newest position of the journal, and the oldest that is no longer kept. */
export interface Head {
  seq: Seq
  at: Millis
  horizon: Seq
}

/** A class of retention that messages were dropped of. */
export interface DroppedClass {
  name: string
  /** The newest of them; what is behind it is kept. */
  horizon: Seq
  /** Their topics matched one of these filters. Empty: they had no topics. null: any topic. */
  filters: readonly string[] | null
}

/** Where the broker is, and how to prove who we are. */
export interface Broker {
  /** mqtt:, mqtts:, ws: or wss:, without user and password. */
  url: string
  username?: string
  password?: string
  /** Paths of PEM files, read at each connection: who signed the broker's certificate; ours, and its key. */
  caFile?: string
  certFile?: string
  keyFile?: string
}
