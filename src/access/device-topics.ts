/**
 * Source topics of the devices that somebody was granted to read, in memory, so that what may be read is known without asking
 * the database for each message. They are read when somebody comes, and again and again as long as somebody uses them: what a
 * device is newly known by is readable within a second, and what it is no longer known by is not.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'

export interface DeviceTopics {
  /** Resolves when the topics of all that are new are read, or after `deviceTopicsWaitMs`: then they come later. */
  ready(devices: readonly string[]): Promise<void>
  /** Says that they are used; topics of those that are new come later. */
  use(devices: readonly string[]): void
  topicsOf(device: string): ReadonlySet<string>
  /** Another number whenever topics of any of them changed. */
  version(): number
  close(): void
}

export interface DeviceTopicsParts {
  /** Absent: nothing is known of it. At most `deviceTopicsMax` of each. */
  read: (devices: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>
  limits: Pick<
    Limits,
    | 'devicesGrantedMax'
    | 'deviceTopicsMax'
    | 'deviceTopicsReadMs'
    | 'deviceTopicsWaitMs'
    | 'deviceTopicsKeptMs'
  >
  log: { warn(detail: object, text: string): void }
  now?: () => Millis
}

interface Watched {
  topics: ReadonlySet<string>
  usedAt: Millis
}

const none: ReadonlySet<string> = new Set()

export function createDeviceTopics(parts: DeviceTopicsParts): DeviceTopics {
  const { limits, log, now = Date.now } = parts
  const watched = new Map<string, Watched>()
  const closing = new AbortController()
  let version = 0
  let polling: Promise<void> | null = null
  let warnedAt = -Infinity

  /** Not with each question, where something is not as it should be for long. */
  function warn(detail: object, text: string): void {
    if (now() - warnedAt < limits.deviceTopicsKeptMs) return
    warnedAt = now()
    log.warn(detail, text)
  }

  async function read(devices: readonly string[]): Promise<void> {
    const found = await parts.read(devices)
    for (const device of devices) {
      const one = watched.get(device)
      if (one === undefined) continue
      const topics = found.get(device) ?? []
      if (topics.length >= limits.deviceTopicsMax)
        warn(
          { device },
          `A device has ${limits.deviceTopicsMax} topics or more: who may read it reads the oldest of them`
        )
      if (topics.length === one.topics.size && topics.every((topic) => one.topics.has(topic))) continue
      one.topics = new Set(topics)
      version++
    }
  }

  function forgetUnused(): void {
    for (const [device, { usedAt }] of watched)
      if (now() - usedAt > limits.deviceTopicsKeptMs) watched.delete(device)
  }

  async function poll(): Promise<void> {
    while (watched.size > 0 && !closing.signal.aborted) {
      await delay(limits.deviceTopicsReadMs, null, { ref: false, signal: closing.signal }).catch(() => {})
      if (closing.signal.aborted) return
      forgetUnused()
      try {
        await read([...watched.keys()])
      } catch (error) {
        if (closing.signal.aborted) return
        warn({ err: error }, 'Topics of devices cannot be read yet; those from before go on')
      }
    }
  }

  /** Returns those that were not watched before. */
  function use(devices: readonly string[]): string[] {
    const added: string[] = []
    for (const device of devices) {
      const one = watched.get(device)
      if (one !== undefined) one.usedAt = now()
      else if (watched.size < limits.devicesGrantedMax) {
        watched.set(device, { topics: none, usedAt: now() })
        added.push(device)
      } else
        warn(
          {},
          `${limits.devicesGrantedMax} devices are granted and used: further ones cannot be read by their grants`
        )
    }
    if (watched.size > 0) polling ??= poll().finally(() => (polling = null))
    return added
  }

  return {
    async ready(devices) {
      const added = use(devices)
      if (added.length === 0) return
      const waiting = new AbortController()
      await Promise.race([
        read(added).catch((error: unknown) => warn({ err: error }, 'Topics of devices cannot be read yet')),
        delay(limits.deviceTopicsWaitMs, null, { ref: false, signal: waiting.signal }).catch(() => {})
      ])
      waiting.abort()
    },
    use: (devices) => void use(devices),
    topicsOf: (device) => watched.get(device)?.topics ?? none,
    version: () => version,
    close: () => closing.abort()
  }
}
