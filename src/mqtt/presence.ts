/** How a session tells others whether it is there: a retained message of QoS 1, which the will takes back. */

import type { Logger } from 'pino'
import type { Connection } from './connection.ts'
import type { PublishFrame } from './publish-scanner.ts'

export interface Presence {
  topic: string
  /** For the connection that is made next: its will, and what is said once it has subscribed. */
  connecting(): { will: string; birth: string }
  /** Said before an orderly end. */
  death(): string
  /** Whether this, under our topic, says that we are gone. */
  denies(payload: Buffer): boolean
}

export const statusPresence = (topic: string): Presence => ({
  topic,
  connecting: () => ({ will: 'offline', birth: 'online' }),
  death: () => 'offline',
  denies: () => false
})

/** What is said over one connection. */
export class Announcement {
  readonly will: string
  private readonly birth: string
  private readonly presence: Presence
  private readonly topic: Buffer
  private readonly log: Logger
  private connection: Connection | null = null
  private denied = false
  private saying = false

  constructor(presence: Presence, log: Logger) {
    this.presence = presence
    this.topic = Buffer.from(presence.topic)
    this.log = log
    const { will, birth } = presence.connecting()
    this.will = will
    this.birth = birth
  }

  /** Connected and subscribed. */
  begin(connection: Connection): Promise<void> {
    this.connection = connection
    return this.sayBirth(connection)
  }

  /** Every PUBLISH that comes: whoever says that we are gone is contradicted at once. */
  heard({ buffer, topicStart, topicEnd, payloadStart, payloadEnd }: PublishFrame): void {
    const { connection, presence, topic } = this
    if (connection === null) return
    if (buffer.compare(topic, 0, topic.length, topicStart, topicEnd) !== 0) return
    if (!presence.denies(buffer.subarray(payloadStart, payloadEnd))) return
    this.denied = true
    if (this.saying) return // and then once more: a flood of them is no flood of answers
    this.sayBirth(connection).catch((error: unknown) => {
      this.log.warn({ err: error }, 'Cannot say that we are there; connecting again')
      connection.destroy()
    })
  }

  async end(connection: Connection): Promise<void> {
    this.connection = null
    await this.say(connection, this.presence.death())
  }

  private async sayBirth(connection: Connection): Promise<void> {
    this.saying = true
    try {
      do {
        this.denied = false
        await this.say(connection, this.birth)
      } while (this.denied && this.connection !== null)
    } finally {
      this.saying = false
    }
  }

  private async say(connection: Connection, payload: string): Promise<void> {
    const { topic } = this.presence
    const { reasonCode } = await connection.publish({
      topic,
      payload,
      qos: 1,
      retain: true,
      properties: null
    })
    if (reasonCode >= 0x80) {
      const reason = `0x${reasonCode.toString(16)}`
      this.log.warn({ topic, reason }, 'The broker does not let us say whether we are there')
    }
  }
}
