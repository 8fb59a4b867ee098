/**
 * Reads what a broker retains, on a connection of its own with a clean session: so that what is found is never taken
 * for what happened, and the receiving session gets no flood.
 */

import type { IPublishPacket } from 'mqtt'
import type { Limits } from '../limits.ts'
import type { Broker, MessageProperties, QoS } from '../model.ts'
import { compileFilters } from '../topic.ts'
import type { ProtocolVersion } from './connection.ts'
import { connect } from './connection.ts'
import { toProperties } from './packet-properties.ts'

export interface RetainedMessage {
  topic: string
  payload: Buffer
  qos: QoS
  properties: MessageProperties | null
}

export interface Snapshot {
  /**
   * Reads all that filters match. MQTT has no mark for the end of the retained messages, so our own status is asked for
   * last, through a wildcard: true when it came, and then nothing more. A broker that does not replay through wildcards
   * gives false, and then what did not come may still be there.
   */
  readAll(filters: readonly string[]): Promise<boolean>
  /**
   * Asks for topics by their exact names: gives those that have no retained message now, or null when that cannot be
   * told. What is there goes to `onBatch`, too.
   */
  findMissing(topics: readonly string[]): Promise<string[] | null>
  /** Takes what comes late: some brokers replay in batches with pauses between them (EMQX). Resolves when nothing does. */
  linger(): Promise<void>
  close(): Promise<void>
}

/** `onBatch` is awaited before more is read. Throws when the connection ends, or `onBatch` fails. */
export async function openSnapshot(parts: {
  broker: Broker
  version: ProtocolVersion
  clientId: string
  qos: QoS
  /** A topic that certainly is retained: our own birth message. */
  statusTopic: string
  limits: Limits
  onBatch: (messages: RetainedMessage[]) => Promise<void>
  signal: AbortSignal
}): Promise<Snapshot> {
  const { limits, qos, statusTopic } = parts
  // The canary must be seen as all others are: RabbitMQ replays for exact topics, and never for wildcards
  const canaryFilter = statusTopic.replace(/[^/]+$/, '+')
  let matches: (topic: string) => boolean = () => false
  let batch: RetainedMessage[] = []
  let batchBytes = 0
  let flushing = 0
  let lastAt = 0
  let canaries = 0
  let asked: Set<string> | null = null
  let failure: { error: unknown } | null = null

  async function flush(): Promise<void> {
    const full = batch
    batch = []
    batchBytes = 0
    flushing++
    try {
      if (full.length > 0) await parts.onBatch(full)
    } finally {
      flushing--
      lastAt = Date.now() // the time that this took is not the broker's silence
    }
  }

  /** True when there is enough for a batch. */
  function take(packet: IPublishPacket): boolean {
    // Without Retain As Published, a live message has no flag; the receiving session has it, too [MQTT-3.3.1-12]
    if (!packet.retain) return false
    lastAt = Date.now()
    if (packet.topic === statusTopic && ++canaries > 1) return false
    asked?.delete(packet.topic)
    if (!matches(packet.topic) || !isTopicName(packet.topic)) return false
    batch.push(toRetained(packet))
    batchBytes += packet.payload.length
    return batch.length >= limits.snapshotBatchMessagesMax || batchBytes >= limits.snapshotBatchBytesMax
  }

  const connection = await connect({
    broker: parts.broker,
    version: parts.version,
    clientId: parts.clientId,
    clean: true,
    sessionExpirySeconds: 0,
    limits,
    signal: parts.signal,
    onMessage: (packet, done) => {
      if (!take(packet)) return done()
      flush().then(done, (error: unknown) => {
        failure = { error }
        connection.destroy()
      })
    }
  })
  let ended: string | null = null
  void connection.ended.then(({ reason }) => (ended = reason))

  const subscribe = (filters: readonly string[]): Promise<number[]> =>
    connection.subscribe({
      filters,
      qos,
      retainHandling: 0,
      retainAsPublished: false,
      // Its answer may stand behind all that the one before brings
      answerMsMax: limits.snapshotMsMax
    })

  /** Until no retained message has come, and none is being dealt with, for so long. */
  async function silence(patienceMs: () => number): Promise<void> {
    lastAt = Date.now()
    while (flushing > 0 || Date.now() - lastAt < patienceMs()) {
      await delay(limits.snapshotQuietMs / 10)
      if (failure !== null) throw (failure as { error: unknown }).error
      if (ended !== null) throw new Error(`the connection of the snapshot ended: ${ended}`)
    }
  }

  /** SUBSCRIBE, then the canary: true when the canary came and then nothing more. */
  async function ask(filters: readonly string[]): Promise<{ grants: number[]; complete: boolean }> {
    canaries = 0
    // Where the filters match it, too, it comes twice, and marks the end the second time
    const canariesLast = matches(statusTopic) && asked === null ? 2 : 1
    const grants = await subscribe(filters)
    await subscribe([canaryFilter])
    await silence(() => limits.snapshotQuietMs * (canaries >= canariesLast ? 1 : 2))
    await flush()
    return { grants, complete: canaries > 0 }
  }

  return {
    async readAll(filters) {
      matches = compileFilters(filters)
      const { complete } = await ask(filters)
      return complete
    },
    async findMissing(topics) {
      asked = new Set(topics)
      const { grants, complete } = await ask(topics)
      await connection.unsubscribe(topics)
      // What may not be subscribed to cannot be said to be gone [MQTT-3.9.3]
      for (const [index, topic] of topics.entries()) if ((grants[index] ?? 0x80) >= 0x80) asked.delete(topic)
      return complete ? [...asked] : null
    },
    async linger() {
      await silence(() => limits.snapshotLingerMs)
      await flush()
    },
    close: () => connection.end().catch(() => {}) // it may have ended by itself
  }
}

/** What no client can publish to; U+FFFD is what is left of bytes that are not UTF-8. [MQTT-1.5.4-1], [MQTT-3.3.2-2] */
const isTopicName = (topic: string): boolean => topic !== '' && !/[\0+#\ufffd]/.test(topic)

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function toRetained(packet: IPublishPacket): RetainedMessage {
  return {
    topic: packet.topic,
    payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
    qos: packet.qos,
    properties: toProperties(packet.properties)
  }
}
