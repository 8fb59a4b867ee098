/** Reads values of the environment. Each throws an Error that tells the value's fault and the fix, not the value. */

import { existsSync, readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { CertificateFault, checkPair, readCertificates } from './certificate.ts'
import { filterFault, topicFault } from './topic.ts'

export interface Variable<T> {
  /** As an operator would write it; null: none. */
  default: string | null
  about: string
  /** Throws with the value's fault and the fix. */
  parse: (value: string) => T
}

export const define = <T>(variable: Variable<T>): Variable<T> => variable

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

export const text = (value: string): string => value

export const port = (value: string): number => {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number > 65_535)
    throw new Error('is not a port; use 1 to 65535, or 0 for any free one')
  return number
}

export const url =
  (schemes: readonly string[], example: string) =>
  (value: string): string => {
    const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : null
    if (scheme === null) throw new Error(`is not a URL; use for instance ${example}`)
    if (!schemes.includes(scheme))
      throw new Error(`has the scheme ${scheme}; use ${schemes.join(', ')}, as in ${example}`)
    return value
  }

/** "https://plant.example,http://localhost:5173", as browsers send them. */
export const origins = (value: string): string[] => {
  const list = value.split(',').map((one) => one.trim())
  for (const one of list)
    if (!URL.canParse(one) || !/^https?:/.test(one) || new URL(one).origin !== one)
      throw new Error(
        `has "${one}", which is no origin; write scheme, host and port alone, as in https://plant.example, separated by commas`
      )
  return [...new Set(list)]
}

/** "10.0.0.7,fd00::/8" */
export const networks = (value: string): string[] => {
  const list = value.split(',').map((one) => one.trim())
  for (const one of list) {
    const [address, bits, ...more] = one.split('/')
    const version = isIP(address!)
    const isPrefix =
      bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
    if (version === 0 || !isPrefix || more.length > 0)
      throw new Error(
        `has "${one}", which is no address or network; write them as 10.0.0.7 or 10.0.0.0/8, separated by commas`
      )
  }
  return [...new Set(list)]
}

export const wholeNumber =
  (min: number, max: number, unit: string) =>
  (value: string): number => {
    const number = Number(value)
    if (!/^\d+$/.test(value) || number < min || number > max)
      throw new Error(`is not a number of ${unit} from ${min} to ${max}`)
    return number
  }

export const oneOf =
  <T extends string>(values: readonly T[]) =>
  (value: string): T => {
    if (!(values as readonly string[]).includes(value)) throw new Error(`is not one of ${values.join(', ')}`)
    return value as T
  }

/** Looked into now; it is read again when it is needed, since it may be renewed. */
export const certificateFile =
  (part: 'ca' | 'cert') =>
  (value: string): string => {
    try {
      readCertificates(pem(value), part)
    } catch (error) {
      if (!(error instanceof CertificateFault)) throw error
      throw new Error(`names a file that ${error.message}`, { cause: error })
    }
    return value
  }

export const keyFile = (value: string): string => {
  pem(value)
  return value
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(
      `names a file that cannot be read (${(error as NodeJS.ErrnoException).code}); give the path of a PEM file`,
      { cause: error }
    )
  }
}

/** What is wrong with the two together; null: nothing. */
export function pairFault(certFile: string, keyFile: string): CertificateFault | null {
  try {
    checkPair({ cert: pem(certFile), key: pem(keyFile) })
    return null
  } catch (error) {
    if (error instanceof CertificateFault) return error
    throw error
  }
}

export const existingFile = (value: string): string => {
  if (!existsSync(value))
    throw new Error('names a file that is not there; give the path of one, or leave it out')
  return value
}

export const filters = (value: string): string[] => {
  const list = value.split(',').map((filter) => filter.trim())
  for (const filter of list) {
    const fault = filterFault(filter, 128)
    if (fault !== null)
      throw new Error(`has the filter "${filter}", but ${fault}; separate filters with commas`)
  }
  return [...new Set(list)]
}

const seconds: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 }
const bytes: Record<string, number> = { MB: 1e6, GB: 1e9, TB: 1e12, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 }

/** null: no limit. */
export interface Retention {
  keepSeconds: number | null
  keepBytes: number | null
}

/** "7d", "10GB", "7d,10GB" (whichever comes first) or "forever". */
export function retention(value: string): Retention {
  const limits: Retention = { keepSeconds: null, keepBytes: null }
  if (value === 'forever') return limits
  for (const part of value.split(',')) {
    const match = /^(\d+)([A-Za-z]+)$/.exec(part.trim())
    const unit = match?.[2] ?? ''
    const amount = Number(match?.[1])
    if (amount > 0 && Object.hasOwn(seconds, unit)) limits.keepSeconds = amount * seconds[unit]!
    else if (amount > 0 && Object.hasOwn(bytes, unit)) limits.keepBytes = amount * bytes[unit]!
    else
      throw new Error(
        `has "${part.trim()}"; use a time (s, m, h, d), a size (MB, GB, TB), both as in 7d,10GB, or forever`
      )
  }
  return limits
}

/** "90d": seconds. */
export const duration = (value: string): number => {
  const match = /^(\d+)([smhd])$/.exec(value)
  const amount = match === null ? Number.NaN : Number(match[1]) * seconds[match[2]!]!
  if (!(amount >= 1 && amount <= durationSecondsMax))
    throw new Error('is no time; write it as in 90d (s, m, h, d)')
  return amount
}

/** A hundred years. */
const durationSecondsMax = 36_500 * 86_400

/** "64MiB", of at least `min` bytes. */
export const size =
  (min: number) =>
  (value: string): number => {
    const match = /^(\d+)([A-Za-z]+)$/.exec(value)
    const unit = match?.[2] ?? ''
    const amount = Object.hasOwn(bytes, unit) ? Number(match![1]) * bytes[unit]! : Number.NaN
    if (!(amount >= min)) throw new Error(`is no size of at least ${min / 2 ** 20} MiB; write it as in 64MiB`)
    return amount
  }

export const clientId = (value: string): string => {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(value))
    throw new Error('is not usable; use 1 to 64 letters, digits and . _ -')
  return value
}

/** A level of its own in a topic [tck-id-host-topic-phid-birth-topic]. */
export const sparkplugHostId = (value: string): string => {
  const fault = value.includes('/') ? 'it has no /' : topicFault(value, 128)?.replace('a topic', 'it')
  if (fault != null) throw new Error(`is no host id: ${fault}; use for instance plant-historian`)
  return value
}

export const apiKey = (value: string): string => {
  if (value.length < 16 || /\s/.test(value))
    throw new Error('is too weak; use at least 16 characters without spaces')
  return value
}
