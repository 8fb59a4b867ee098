/** The keys of an OpenID Connect issuer: read when they are first needed, and kept up to date. */

import type { CryptoKey, JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import { calculateJwkThumbprint, createLocalJWKSet, errors } from 'jose'
import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import { readIssuerKeys } from './issuer-document.ts'

export interface Issuer {
  /** For jose. Throws Problem issuer_unavailable: nobody knows now; jose's errors: there is no such key. */
  keyOf: JWTVerifyGetKey<CryptoKey>
  /** The thumbprint (RFC 7638) of a key that was given. */
  thumbprintOf(key: CryptoKey): Promise<string>
  /** Whether it still publishes the key. */
  has(thumbprint: string): boolean
  close(): void
}

export interface IssuerParts {
  issuer: string
  allowHttp: boolean
  /** Its keys are known, or others than before. */
  onChange: () => void
  limits: Pick<
    Limits,
    | 'issuerMsMax'
    | 'issuerDocumentBytesMax'
    | 'issuerRefreshMs'
    | 'issuerCooldownMs'
    | 'issuerBackoffMsMin'
    | 'issuerBackoffMsMax'
    | 'issuerKeysStaleMsMax'
  >
  log: Logger
}

interface Keys {
  find: ReturnType<typeof createLocalJWKSet>
  thumbprints: ReadonlySet<string>
  readAt: Millis
}

/** Asks for the keys at once, and again as time goes by; the service does not wait for it. */
export function createIssuer(parts: IssuerParts): Issuer {
  const { issuer, allowHttp, limits, log } = parts
  let keys: Keys | null = null
  let reading: Promise<boolean> | null = null
  let failures = 0
  let triedAt: Millis = -Infinity
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const backoff = (): Millis =>
    Math.min(limits.issuerBackoffMsMin * 2 ** (failures - 1), limits.issuerBackoffMsMax)

  /** Whether they were read. Whoever asks meanwhile waits for the same answer. */
  function read(): Promise<boolean> {
    return (reading ??= readOnce().finally(() => (reading = null)))
  }

  async function readOnce(): Promise<boolean> {
    triedAt = Date.now()
    try {
      const before = keys
      keys = await toKeys(await readIssuerKeys(issuer, allowHttp, limits))
      if (failures > 0) log.info({ issuer }, 'The issuer of tokens answers again')
      failures = 0
      if (before === null || !same(before.thumbprints, keys.thumbprints)) parts.onChange()
    } catch (error) {
      if (failures === 0) log.warn({ err: error, issuer }, 'The keys of the issuer of tokens cannot be read')
      failures++
    }
    plan(failures === 0 ? limits.issuerRefreshMs : backoff())
    return failures === 0
  }

  function plan(inMs: Millis): void {
    if (timer !== null) clearTimeout(timer)
    if (closed) return
    timer = setTimeout(() => void read(), inMs)
    timer.unref()
  }

  const unavailable = (): Problem =>
    new Problem(
      'issuer_unavailable',
      'The issuer of the token does not answer, so nobody knows its keys: try again in a moment'
    )

  /** Reads them anew where that may help, and not so often that others could use it against the issuer. */
  async function mayKnowMore(): Promise<boolean> {
    const pause = failures > 0 ? backoff() : limits.issuerCooldownMs
    if (reading === null && Date.now() - triedAt < pause) return false
    return read()
  }

  const isFresh = (): boolean => keys !== null && Date.now() - keys.readAt < limits.issuerKeysStaleMsMax

  const keyOf: Issuer['keyOf'] = async (header, token) => {
    if (!isFresh()) await mayKnowMore()
    if (keys === null || !isFresh()) throw unavailable()
    try {
      return await keys.find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      const read = await mayKnowMore()
      // A new key is not known where the issuer cannot be asked: that is not the fault of the token
      if (!read && failures > 0) throw unavailable()
      return keys.find(header, token)
    }
  }

  void read()
  return {
    keyOf,
    thumbprintOf: thumbprint,
    has: (given) => keys === null || keys.thumbprints.has(given),
    close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
    }
  }
}

async function toKeys(set: JSONWebKeySet): Promise<Keys> {
  const thumbprints = await Promise.all(set.keys.map((key) => calculateJwkThumbprint(key).catch(() => '')))
  return { find: createLocalJWKSet(set), thumbprints: new Set(thumbprints), readAt: Date.now() }
}

const thumbprints = new WeakMap<CryptoKey, string>()

async function thumbprint(key: CryptoKey): Promise<string> {
  let found = thumbprints.get(key)
  if (found === undefined) thumbprints.set(key, (found = await calculateJwkThumbprint(key)))
  return found
}

const same = (some: ReadonlySet<string>, others: ReadonlySet<string>): boolean =>
  some.size === others.size && [...some].every((one) => others.has(one))
