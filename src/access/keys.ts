/** What clients do with API keys, the same on REST, GraphQL and the command line. */

import { Problem } from '../errors.ts'
import { mustManageKeys } from '../key.ts'
import type { Key, KeyAsking, KeyPage, KeyRecords } from '../key.ts'
import type { Limits } from '../limits.ts'
import type { KeyChangeAsk, KeyCreateAsk } from './key-ask.ts'
import { readKeyAsk } from './key-ask.ts'
import { createKeyId, createKeyText, digestOfKey, isKeyId } from './key-text.ts'

/** The only times that the text of a key is shown. */
export interface KeyWithText {
  key: Key
  text: string
}

/**
 * Whoever asks must administer, else Problem `forbidden`. Each of one key throws Problem `not_found` where there is none,
 * and `key_revoked` where it is to change and is revoked.
 */
export interface Keys {
  page(by: KeyAsking, page: KeyPage): Promise<{ items: Key[]; next: number | null }>
  get(by: KeyAsking, id: string): Promise<Key>
  /** Throws Problem invalid_value and too_many_keys. */
  create(by: KeyAsking, ask: KeyCreateAsk): Promise<KeyWithText>
  /** Holds for who is in already, within a second on every instance. Throws Problem invalid_value. */
  change(by: KeyAsking, id: string, ask: KeyChangeAsk): Promise<Key>
  /** The text before is good, too, for 0 to `keyOverlapSecondsMax` seconds; that before it ends. Throws Problem invalid_value. */
  rotate(by: KeyAsking, id: string, overlapSeconds: number): Promise<KeyWithText>
  /** For ever. Who is in is ended within a second, on every instance. */
  revoke(by: KeyAsking, id: string): Promise<Key>
}

export function createKeys(parts: {
  store: KeyRecords
  /** Something was changed: resolves when it holds here. */
  onChange: () => Promise<void>
  limits: Limits
}): Keys {
  const { store, limits } = parts

  /** It is done, whether this instance has seen it yet or not. */
  async function holds<Done>(done: Done): Promise<Done> {
    await parts.onChange().catch(() => {}) // it is seen at the next look
    return done
  }

  /** What is no id names nothing, and the database would not take it. */
  const idOf = (id: string): string => (isKeyId(id) ? id : '')

  return {
    page: store.page,
    get: async (by, id) => found(await store.byId(by, idOf(id))),
    async create(by, ask) {
      mustManageKeys(by)
      const settings = readKeyAsk(
        ask,
        { name: '', grants: [], tenant: null, expiresAt: null },
        limits,
        Date.now()
      )
      const id = createKeyId()
      const text = createKeyText(id)
      return holds({ key: await store.create(by, { id, digest: digestOfKey(text) }, settings), text })
    },
    async change(by, id, ask) {
      const toSettings = (key: Key) => readKeyAsk(ask, key, limits, Date.now())
      return holds(found(await store.change(by, idOf(id), toSettings)))
    },
    async rotate(by, id, overlapSeconds) {
      mustManageKeys(by)
      const max = limits.keyOverlapSecondsMax
      if (!(Number.isInteger(overlapSeconds) && overlapSeconds >= 0 && overlapSeconds <= max)) {
        const detail = `must be 0 to ${max} seconds`
        throw new Problem('invalid_value', `overlapSeconds ${detail}`, [
          { pointer: '/overlapSeconds', detail }
        ])
      }
      const text = createKeyText(idOf(id))
      const until = overlapSeconds === 0 ? null : Date.now() + overlapSeconds * 1_000
      return holds({ key: found(await store.rotate(by, idOf(id), digestOfKey(text), until)), text })
    },
    revoke: async (by, id) => holds(found(await store.revoke(by, idOf(id))))
  }
}

function found(key: Key | null): Key {
  if (key === null) throw new Problem('not_found', 'There is no such key')
  return key
}
