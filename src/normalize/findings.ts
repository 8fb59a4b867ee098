/** What one message says, collected: nothing gets in that is not legal, and never more than the limits say. Pure. */

import type {
  NormalizedDatapoint,
  NormalizedPresence,
  NormalizedRejection,
  Outcome,
  Presence,
  PresenceSource,
  RejectionReason,
  Role,
  SourceMessage
} from '../datapoints.ts'
import type { CommandResponse, Effect } from '../effects.ts'
import type { Limits } from '../limits.ts'
import { nameFault, printable, quote } from './names.ts'
import type { Instant } from './timestamps.ts'
import { isUnfit, toValue } from './values.ts'

/** A value on its way to a datapoint. */
export interface Found {
  device: string
  metric: string
  value: unknown
  at: Instant
  role: Role
  unit: string | null
  quality: string | null
}

/** A datapoint costs as much beside its names and its value. */
const datapointBytes = 32

export class Findings {
  readonly limits: Limits
  readonly message: SourceMessage
  readonly effects: Effect[] = []
  readonly responses: CommandResponse[] = []
  readonly attributes: Outcome['attributes'] = []
  readonly #datapoints: NormalizedDatapoint[] = []
  readonly #presence: NormalizedPresence[] = []
  readonly #devices: string[] = []
  #heard: Set<string> | null = null
  #toDevice = false
  /** One rejection for each reason: the first one's detail, and how many more there were. */
  #rejections: Map<RejectionReason, { detail: string; count: number }> | null = null
  #bytes: number
  #bytesLeft: number

  constructor(limits: Limits, message: SourceMessage) {
    this.limits = limits
    this.message = message
    this.#bytes = Math.max(limits.outputBytesMin, message.payload.length * limits.outputBytesPerByteMax)
    this.#bytesLeft = this.#bytes
  }

  /** Of the same message, for what is only compared. */
  beside(): Findings {
    const findings = new Findings(this.limits, this.message)
    findings.#bytesLeft += this.#bytes - findings.#bytes
    findings.#bytes = this.#bytes
    return findings
  }

  /** The payload was compressed, and is so large: it may say as much as if it had come so, within the bound of those. */
  measure(bytes: number): void {
    const { outputBytesPerByteMax, decompressedBytesMax } = this.limits
    const more = Math.min(bytes * outputBytesPerByteMax, 2 * decompressedBytesMax) - this.#bytes
    if (more <= 0) return
    this.#bytes += more
    this.#bytesLeft += more
  }

  readonly reject = (reason: RejectionReason, detail: string): void => {
    this.#rejections ??= new Map()
    const before = this.#rejections.get(reason)
    if (before !== undefined) before.count++
    else if (this.#rejections.size < this.limits.rejectionsPerMessageMax)
      this.#rejections.set(reason, { detail, count: 1 })
  }

  withdraw(reason: RejectionReason): void {
    this.#rejections?.delete(reason)
    if (this.#rejections?.size === 0) this.#rejections = null
  }

  /** `plain`: no part of the value is larger than the payload, and JSON.stringify writes it. False: there is no more room. */
  datapoint(found: Found, plain: boolean): boolean {
    const { device, metric, at, role } = found
    if (!this.isDevice(device)) return true
    const fault = nameFault(metric, this.limits.nameBytesMax)
    if (fault !== null) {
      this.reject('invalid_metric', `${quote(metric)} is no name of a metric: ${fault}`)
      return true
    }
    if (this.#datapoints.length >= this.limits.datapointsPerMessageMax) {
      const { datapointsPerMessageMax: max } = this.limits
      this.reject(
        'too_many_datapoints',
        `The message brings more than ${max} datapoints; those behind were left out`
      )
      return false
    }
    const bytesMax = this.limits.datapointBytesMax
    const value = toValue(found.value, plain ? bytesMax : Math.min(bytesMax, this.#bytesLeft), plain)
    if (isUnfit(value)) {
      this.reject(value.reason, `${quote(metric)}: ${value.detail}`)
      return true
    }
    if (!this.spend(datapointBytes + device.length + metric.length + (value.exact?.length ?? 0))) {
      this.reject(
        'too_many_datapoints',
        'The datapoints of the message are much larger than it is; those behind were left out'
      )
      return false
    }
    this.#datapoints.push({
      device,
      metric,
      type: value.type,
      number: value.number,
      exact: value.exact,
      observedAt: at.observedAt,
      clock: at.clock,
      role,
      unit: found.unit === null ? null : this.#word(found.unit, 'unit'),
      quality: found.quality === null ? null : this.#word(found.quality, 'quality')
    })
    return true
  }

  presence(device: string, presence: Presence, source: PresenceSource): void {
    if (!this.isDevice(device)) return
    if (
      this.#presence.length >= this.limits.datapointsPerMessageMax ||
      !this.spend(datapointBytes + device.length)
    )
      return this.reject('too_many_datapoints', 'The message tells of the presence of too many devices')
    this.#presence.push({ device, presence, source, at: this.message.receivedAt })
  }

  /** The message is for devices, and from none. */
  isToDevice(): void {
    this.#toDevice = true
  }

  /** The message is from this device; only what is live was said now. */
  heard(device: string): void {
    if (
      this.message.kind !== 'message' ||
      this.#toDevice ||
      this.#devices.at(-1) === device ||
      !this.isDevice(device)
    )
      return
    if (this.#devices.length > 8) {
      this.#heard ??= new Set(this.#devices)
      if (this.#heard.has(device)) return
      this.#heard.add(device)
    } else if (this.#devices.includes(device)) return
    if (this.spend(datapointBytes + device.length)) this.#devices.push(device)
  }

  isDevice(device: string): boolean {
    if (device === this.#known) return true
    const fault = nameFault(device, this.limits.nameBytesMax)
    if (fault === null) this.#known = device
    else this.reject('invalid_device', `${quote(device)} is no name of a device: ${fault}`)
    return fault === null
  }
  #known: string | null = null

  /** False: there is no more room. */
  spend(bytes: number): boolean {
    if (bytes > this.#bytesLeft) return false
    this.#bytesLeft -= bytes
    return true
  }

  /** A unit or a quality that is none is left out, and the value kept. */
  #word(word: string, what: string): string | null {
    const fault = nameFault(word, this.limits.nameBytesMax)
    if (fault !== null) this.reject('wrong_shape', `${quote(word)} is no ${what}: ${fault}; it was left out`)
    else if (this.spend(word.length)) return word
    return null
  }

  finish(mapping: string, offlineAfterSeconds: number | null): Outcome {
    if (offlineAfterSeconds !== null) {
      const told = this.#presence.length === 0 ? null : new Set(this.#presence.map(({ device }) => device))
      for (const device of this.#devices)
        if (told === null || !told.has(device)) this.presence(device, 'online', 'seen')
    }
    return {
      mapping,
      devices: this.#devices,
      datapoints: this.#datapoints,
      presence: this.#presence,
      rejections: this.#rejections === null ? [] : this.#finishRejections(this.#rejections),
      attributes: this.attributes,
      offlineAfterSeconds,
      responses: this.responses,
      effects: this.effects
    }
  }

  #finishRejections(
    rejections: Map<RejectionReason, { detail: string; count: number }>
  ): NormalizedRejection[] {
    return [...rejections].map(([reason, { detail, count }]) => {
      const more = count > 1 ? ` (and ${count - 1} more of this kind)` : ''
      const room = this.limits.rejectionDetailCharsMax - more.length
      return { reason, detail: `${printable(detail).slice(0, room).toWellFormed()}${more}` }
    })
  }
}
