/**
 * On 3.1.1 every SUBSCRIBE replays what is retained through the session [MQTT-3.3.1-8]. What we hold already is
 * acknowledged and confirmed, so that a subscription does not fill the journal with what it knows.
 */

import type { Logger } from 'pino'
import type { ReceivedMessage } from '../mqtt/draft.ts'
import type { Stats } from '../stats.ts'
import type { HeldRetained } from '../store/retained.ts'
import type { Store } from '../store/store.ts'
import { isSame } from './retained.ts'

/** Without the found messages that we hold as they are. Everything received before must be committed. */
export async function withoutKnown(
  { store, stats, log }: { store: Store; stats: Stats; log: Logger },
  messages: ReceivedMessage[]
): Promise<ReceivedMessage[]> {
  const found = messages.filter((message) => message.found && isStorable(message))
  if (found.length === 0) return messages
  const held = await store.retained
    .held([...new Set(found.map(({ topic }) => topic))])
    .catch((error: unknown) => {
      log.debug({ err: error }, 'Cannot compare what was found; it is stored')
      return new Map<string, HeldRetained>()
    })
  const fresh = messages.filter((message) => {
    const here = message.found ? held.get(message.topic)?.message : null
    return here == null || !isSame(here, message)
  })
  stats.confirmed += messages.length - fresh.length
  return fresh
}

const isStorable = ({ topic, malformedTopic, discardedBytes }: ReceivedMessage): boolean =>
  !malformedTopic && discardedBytes === 0 && topic !== '' && !topic.includes('\0')
