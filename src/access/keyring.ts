/**
 * API keys in memory: who comes with one is known without asking the database, also while it is away. What changes in the
 * database is seen within a second, whether this instance is told of it or not.
 */

import { timingSafeEqual } from 'node:crypto'
import type { Logger } from 'pino'
import { Problem } from '../errors.ts'
import type { Rights } from '../grant.ts'
import type { LiveKey, LiveKeys } from '../key.ts'
import type { Limits } from '../limits.ts'
import type { Millis } from '../model.ts'
import type { Holder, Holders } from './access.ts'
import { digestOfKey, readKeyText } from './key-text.ts'
import { createLooks } from './looks.ts'

export interface Keyring extends Holders {
  /** Reads all keys, and goes on looking for changes. Throws where the database does not answer. */
  start(): Promise<void>
  /** Whatever was changed before this is known here when it resolves. */
  refresh(): Promise<void>
  /** Something may have changed: looks now. */
  wake(): void
  stop(): Promise<void>
}

export interface KeyringParts {
  /** All keys that are good; null: nothing has changed since this revision. */
  read: (known: number | null) => Promise<LiveKeys | null>
  /** By id, when somebody last came with it. */
  noteUse: (uses: ReadonlyMap<string, Millis>) => Promise<void>
  limits: Pick<Limits, 'keysReadMs' | 'unknownKeysReadMs' | 'keyUseWrittenMs'>
  log: Pick<Logger, 'debug'>
}

/** A text of a key that is good: it has two while a rotation goes on. */
interface Secret {
  digest: Uint8Array
  /** null: as long as the key. */
  until: Millis | null
  ended: AbortController
  holder: Holder
}

interface Entry {
  principal: string
  expiresAt: Millis | null
  rights: Rights
  ended: AbortController
  secrets: Secret[]
  holder: Holder
  usedAt: Millis | null
  useWrittenAt: Millis
}

/** Of whom it is over: what still runs gets nothing more. */
const nothing: Rights = { grants: [], tenant: null }

export function createKeyring({ read, noteUse, limits, log }: KeyringParts): Keyring {
  const entries = new Map<string, Entry>()
  const looks = createLooks<LiveKeys>({ read, take, msMin: limits.unknownKeysReadMs })
  let timer: NodeJS.Timeout | null = null
  let writing: Promise<void> | null = null

  function take({ keys }: LiveKeys): void {
    const ids = new Set(keys.map(({ id }) => id))
    for (const id of entries.keys()) if (!ids.has(id)) drop(id)
    for (const key of keys) {
      const entry = entries.get(key.id)
      if (entry === undefined) entries.set(key.id, toEntry(key))
      else change(entry, key)
    }
    endWhatIsOver()
  }

  function drop(id: string): void {
    end(entries.get(id)!)
    entries.delete(id)
  }

  function endWhatIsOver(): void {
    const now = Date.now()
    for (const [id, entry] of entries) {
      if (isOver(entry.expiresAt, now)) drop(id)
      else endSecrets(entry, ({ until }) => isOver(until, now))
    }
  }

  async function writeUses(): Promise<void> {
    const now = Date.now()
    const due = [...entries].filter(
      ([, { usedAt, useWrittenAt }]) => usedAt !== null && now - useWrittenAt >= limits.keyUseWrittenMs
    )
    if (due.length === 0) return
    const uses = new Map(due.map(([id, { usedAt }]) => [id, usedAt!]))
    await noteUse(uses)
    for (const [id, entry] of due) {
      entry.useWrittenAt = now
      if (entry.usedAt === uses.get(id)) entry.usedAt = null
    }
  }

  function tick(): void {
    endWhatIsOver()
    wake()
    writing ??= writeUses()
      .catch((error: unknown) => log.debug({ err: error }, 'Cannot write the use of keys yet'))
      .finally(() => (writing = null))
  }

  function wake(): void {
    looks
      .now()
      .catch((error: unknown) =>
        log.debug({ err: error }, 'Cannot look for changed keys; going on with them')
      )
  }

  function match(id: string, digest: Uint8Array): Secret | undefined {
    const entry = entries.get(id)
    const now = Date.now()
    if (entry === undefined || isOver(entry.expiresAt, now)) return undefined
    const secret = entry.secrets.find((one) => timingSafeEqual(one.digest, digest))
    if (secret === undefined || isOver(secret.until, now)) return undefined
    entry.usedAt = now
    return secret
  }

  return {
    async find(credential) {
      const told = readKeyText(credential)
      if (told === null) return null
      if (told === 'mistyped')
        throw new Problem('unauthenticated', 'This key is not whole: a character of it is wrong or missing')
      const digest = digestOfKey(credential)
      let secret = match(told.id, digest)
      if (secret === undefined) {
        // It may have been made or rotated a moment ago, on another instance
        await looks.soon()
        secret = match(told.id, digest)
      }
      if (secret === undefined)
        throw new Problem(
          'unauthenticated',
          'This key is not known here, or not any more: it may be revoked, expired or rotated'
        )
      return secret.holder
    },
    byPrincipal(principal) {
      const entry = principal.startsWith('key:') ? entries.get(principal.slice(4)) : undefined
      return entry === undefined || isOver(entry.expiresAt, Date.now()) ? null : entry.holder
    },
    async start() {
      await looks.now()
      timer = setInterval(tick, limits.keysReadMs)
    },
    refresh: looks.now,
    wake,
    async stop() {
      if (timer !== null) clearInterval(timer)
      looks.stop()
      await writing
    }
  }
}

function toEntry(key: LiveKey): Entry {
  const ended = new AbortController()
  const principal = `key:${key.id}`
  const entry: Entry = {
    principal,
    expiresAt: key.expiresAt,
    rights: { grants: key.grants, tenant: key.tenant },
    ended,
    secrets: [],
    holder: {
      principal,
      rights: () => entry.rights,
      credentials: () => entry.secrets.map(({ digest }) => digest),
      ended: ended.signal,
      get expiresAt() {
        return entry.expiresAt
      },
      provedBy: (credential) =>
        entry.secrets.find(({ digest }) => Buffer.compare(digest, credential) === 0)?.holder ?? null
    },
    usedAt: null,
    useWrittenAt: 0
  }
  entry.secrets = secretsOf(key, entry)
  return entry
}

function change(entry: Entry, key: LiveKey): void {
  entry.expiresAt = key.expiresAt
  const rights: Rights = { grants: key.grants, tenant: key.tenant }
  // Another object tells of a change, so there is none where there was no change
  if (JSON.stringify(rights) !== JSON.stringify(entry.rights)) entry.rights = rights
  const present = secretsOf(key, entry)
  endSecrets(entry, ({ digest }) => !present.some((one) => Buffer.compare(one.digest, digest) === 0))
  entry.secrets = present.map((one) => {
    const same = entry.secrets.find(({ digest }) => Buffer.compare(one.digest, digest) === 0)
    return same === undefined ? one : Object.assign(same, { until: one.until })
  })
}

function secretsOf({ digest, previous }: LiveKey, entry: Entry): Secret[] {
  const texts = [{ digest, until: null }, ...(previous === null ? [] : [previous])]
  return texts.map((text) => {
    const ended = new AbortController()
    const secret: Omit<Secret, 'holder'> = { ...text, ended }
    const holder: Holder = {
      principal: entry.principal,
      rights: () => (ended.signal.aborted ? nothing : entry.rights),
      credentials: () => [text.digest],
      ended: ended.signal,
      get expiresAt() {
        const { until } = secret
        return entry.expiresAt === null || until === null
          ? (entry.expiresAt ?? until)
          : Math.min(entry.expiresAt, until)
      }
    }
    return Object.assign(secret, { holder })
  })
}

function endSecrets(entry: Entry, isGone: (secret: Secret) => boolean): void {
  for (const secret of entry.secrets) if (isGone(secret)) secret.ended.abort()
  entry.secrets = entry.secrets.filter(({ ended }) => !ended.signal.aborted)
}

function end(entry: Entry): void {
  entry.rights = nothing
  endSecrets(entry, () => true)
  entry.ended.abort()
}

const isOver = (at: Millis | null, now: Millis): boolean => at !== null && at <= now
