/**
 * What topics are at any place of the journal, by definition: from a log of what was appended, in plain JS, and without a
 * look at the journal.
 */

import type { Message, MessageProperties, Millis, QoS, Seq, TombstoneCause } from '../../src/model.ts'

/** Something that was appended, in the words of who appended it. */
export interface LogEntry {
  seq: Seq
  at: Millis
  topic: string
  what: 'live' | 'found in session' | 'found by snapshot' | 'missing in snapshot' | 'expired'
  payload: Buffer | null
  retain: boolean | null
  qos: QoS
  dup: boolean
  receivedAt: Millis
  properties: MessageProperties | null
  /** Something newer came live after the snapshot began. */
  overtaken: boolean
}

export interface LoggedState {
  seq: Seq
  latest: Omit<Message, 'topicId'>
  retained: Omit<Message, 'topicId'> | null
  retainedKnown: boolean
  tombstone: {
    seq: Seq
    at: Millis
    cause: TombstoneCause
    previous: Omit<Message, 'topicId'> | null
  } | null
  expiresAt: Millis | null
}

const empties = (entry: LogEntry): boolean =>
  entry.what === 'live' && entry.retain === true && entry.payload!.length === 0

const takesAway = (entry: LogEntry): boolean =>
  empties(entry) || entry.what === 'missing in snapshot' || entry.what === 'expired'

const keeps = (entry: LogEntry): boolean => entry.retain === true && !takesAway(entry)

const isNews = (entry: LogEntry): boolean =>
  entry.what === 'live' || (entry.what === 'found by snapshot' && !entry.overtaken)

/** True, false, or nothing said. */
function tells(entry: LogEntry): boolean | null {
  if (entry.what === 'live') return entry.retain === null ? false : entry.retain ? true : null
  if (entry.what === 'found in session') return true
  return entry.what === 'expired' || entry.overtaken ? null : true
}

const live = ({ seq, topic, receivedAt, qos, retain, dup, payload, properties }: LogEntry) => ({
  seq,
  topic,
  receivedAt,
  qos,
  retain,
  dup,
  payload: payload!,
  properties
})
const kept = (entry: LogEntry) => ({ ...live(entry), retain: true, dup: false })

/** Of entries of one topic, in order. */
export function loggedState(entries: readonly LogEntry[]): LoggedState | null {
  const set = entries.findLast(keeps)
  const news = entries.findLast(isNews)
  if (news === undefined && set === undefined) return null
  const gone = entries.find((entry) => takesAway(entry) && entry.seq > (set?.seq ?? 0))
  const seconds = set?.properties?.messageExpiryInterval
  return {
    seq: entries.at(-1)!.seq,
    latest: news === undefined ? kept(set!) : live(news),
    retained: gone === undefined && set !== undefined ? kept(set) : null,
    retainedKnown: tells(entries.findLast((entry) => tells(entry) !== null) ?? entries[0]!) ?? false,
    tombstone:
      gone === undefined
        ? null
        : {
            seq: gone.seq,
            at: gone.at,
            cause: gone.what === 'expired' ? 'expired' : empties(gone) ? 'cleared' : 'reconciled',
            previous: set === undefined ? null : kept(set)
          },
    expiresAt:
      gone === undefined && set !== undefined && seconds !== undefined
        ? set.receivedAt + seconds * 1_000
        : null
  }
}
