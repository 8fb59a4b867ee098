/**
 * Reads what a broker retains, on a connection of its own with a clean session: so that what is found is never taken
 * for what happened, and the receiving session gets no flood.
 */

import type { IPublishPacket } from 'mqtt'
import type { Limits } from '../limits.ts'
import type { Broker, MessageProperties, QoS } from '../model.ts'
import type { ProtocolVersion } from './connection.ts'
import { compileFilters } from '../topic.ts'
import { connect } from './connection.ts'
import { toProperties } from './packet-properties.ts'

export interface RetainedMessage {
  topic: string
  payload: Buffer
  qos: QoS
  properties: MessageProperties | null
}

export interface SnapshotResult {
  messages: number
  /** The end was recognised: our own retained status came, asked for last, and then nothing more. */
  complete: boolean
}

/** `onBatch` is awaited before more is read. MQTT has no mark for the end of the retained messages, so see `complete`. */
export async function readRetained(parts: {
  broker: Broker
  version: ProtocolVersion
  clientId: string
  filters: readonly string[]
  qos: QoS
  /** A topic that certainly is retained: our own birth message. */
  statusTopic: string
  limits: Limits
  onBatch: (messages: RetainedMessage[]) => Promise<void>
}): Promise<SnapshotResult> {
  const { limits } = parts
  const matches = compileFilters(parts.filters)
  let batch: RetainedMessage[] = []
  let messages = 0
  let lastAt = Date.now()
  // Asked for twice where the filters match it: the last copy marks the end
  let sentinelsLeft = matches(parts.statusTopic) ? 2 : 1
  let failure: unknown = null

  const flush = async (): Promise<void> => {
    const full = batch
    batch = []
    if (full.length > 0) await parts.onBatch(full)
  }
  const connection = await connect({
    broker: parts.broker,
    version: parts.version,
    clientId: parts.clientId,
    clean: true,
    sessionExpirySeconds: 0,
    limits,
    onMessage: (packet, done) => {
      lastAt = Date.now()
      if (packet.topic === parts.statusTopic && --sentinelsLeft === 0) return done()
      // A live message of the time of reading; the receiving session has it, too
      if (!packet.retain || packet.payload.length === 0 || !matches(packet.topic)) return done()
      messages++
      batch.push(toRetained(packet))
      if (batch.length < 1_000) return done()
      flush().then(done, (error: unknown) => {
        failure = error
        connection.destroy()
      })
    }
  })
  try {
    const deadline = Date.now() + limits.snapshotMsMax
    await connection.subscribe({ filters: parts.filters, qos: parts.qos, retainHandling: 0 })
    await connection.subscribe({ filters: [parts.statusTopic], qos: parts.qos, retainHandling: 0 })
    const quiet = (): boolean => Date.now() - lastAt >= limits.snapshotQuietMs
    while (!quiet() && Date.now() < deadline && failure === null) {
      await Promise.race([delay(limits.snapshotQuietMs / 4), connection.ended])
    }
    if (failure !== null) throw failure
    await flush()
    return { messages, complete: sentinelsLeft <= 0 && quiet() }
  } finally {
    await connection.end().catch(() => {}) // it may have ended by itself
  }
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function toRetained(packet: IPublishPacket): RetainedMessage {
  return {
    topic: packet.topic,
    payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
    qos: packet.qos,
    properties: toProperties(packet.properties)
  }
}
