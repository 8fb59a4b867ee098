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
  /** Another number as often as it is to be said that they are used. */
  ticks(): number
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
  /** The read that is under way for who came first with it. */
  first: Promise<void> | null
  isRead: boolean
}

const none: ReadonlySet<string> = new Set()

export function createDeviceTopics(parts: DeviceTopicsParts): DeviceTopics {
  const { limits, log, now = Date.now } = parts
  const watched = new Map<string, Watched>()
  const closing = new AbortController()
  let version = 0
  let ticks = 0
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
      one.isRead = true
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
      if (now() - usedAt > limits.deviceTopicsKeptMs && watched.delete(device)) version++
  }

  async function poll(): Promise<void> {
    while (watched.size > 0 && !closing.signal.aborted) {
      await delay(limits.deviceTopicsReadMs, null, { ref: false, signal: closing.signal }).catch(() => {})
      if (closing.signal.aborted) return
      forgetUnused()
      ticks++
      try {
        await read([...watched.keys()])
      } catch (error) {
        if (closing.signal.aborted) return
        warn({ err: error }, 'Topics of devices cannot be read yet; those from before go on')
      }
    }
  }

  function use(devices: readonly string[]): void {
    for (const device of devices) {
      const one = watched.get(device)
      if (one !== undefined) one.usedAt = now()
      else if (watched.size < limits.devicesGrantedMax)
        watched.set(device, { topics: none, usedAt: now(), first: null, isRead: false })
      else
        warn(
          {},
          `${limits.devicesGrantedMax} devices are granted and used: further ones cannot be read by their grants`
        )
    }
    if (watched.size > 0) polling ??= poll().finally(() => (polling = null))
  }

  /** Reads those that nobody has read yet; where somebody is at it, it is waited for. */
  async function readNew(devices: readonly string[]): Promise<void> {
    const all = devices.flatMap((device) => watched.get(device) ?? []).filter(({ isRead }) => !isRead)
    if (all.length === 0) return
    const added = devices.filter((device) => {
      const one = watched.get(device)
      return one !== undefined && !one.isRead && one.first === null
    })
    if (added.length > 0) {
      const first = read(added).catch((error: unknown) =>
        warn({ err: error }, 'Topics of devices cannot be read yet')
      )
      for (const device of added) watched.get(device)!.first = first
    }
    await Promise.all(all.flatMap(({ first }) => first ?? []))
  }

  return {
    async ready(devices) {
      use(devices)
      const waiting = new AbortController()
      await Promise.race([
        readNew(devices),
        delay(limits.deviceTopicsWaitMs, null, { ref: false, signal: waiting.signal }).catch(() => {})
      ])
      waiting.abort()
    },
    use,
    topicsOf: (device) => watched.get(device)?.topics ?? none,
    version: () => version,
    ticks: () => ticks,
    close: () => closing.abort()
  }
}
