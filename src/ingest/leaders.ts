/** The sessions of the instance that leads: the main one, and that of a Sparkplug host where there is one. */

import type { Limits } from '../limits.ts'
import { statePresence } from '../mqtt/sparkplug-state.ts'
import type { Leader } from './leader.ts'
import { createLeader } from './leader.ts'
import type { Receiver, ReceiverParts } from './receiver.ts'
import { beginReceiving } from './receiver.ts'
import type { SparkplugHost } from './sparkplug.ts'
import { divideTopics } from './sparkplug.ts'

export interface Session {
  leader: Leader
  /** null where another instance holds the session. */
  receiver(): Receiver | null
}

export interface LeadersParts extends Omit<ReceiverParts, 'host' | 'isOthers'> {
  clientId: string | null
  sparkplug: SparkplugHost | null
  /** This instance leads no more. */
  onEnd: () => void
}

export function createLeaders(parts: LeadersParts): { main: Session; host: Session | null } {
  const { sparkplug, clientId, onEnd, log } = parts
  const main = { ...parts, log: log.child({ part: 'ingest' }) }
  if (sparkplug === null)
    return {
      main: createSession({ ...main, host: null, isOthers: null }, { name: 'ingest', clientId, onEnd }),
      host: null
    }
  const { leftByMain, leftByHost } = divideTopics(parts.filters, sparkplug)
  const limits = halfHeld(parts.limits) // the two share what may be held
  const mainSession = createSession(
    { ...main, limits, host: null, isOthers: leftByMain },
    { name: 'ingest', clientId, onEnd }
  )
  const host = statePresence(sparkplug.hostId, parts.limits)
  const hostSession = createSession(
    {
      ...parts,
      limits,
      // By its name, too, whatever covers it [tck-id-host-topic-phid-birth-sub-required]
      filters: [...new Set([host.topic, ...sparkplug.topics])],
      host,
      isOthers: leftByHost,
      log: log.child({ part: 'sparkplug' })
    },
    {
      name: 'sparkplug',
      clientId: clientId === null ? null : `${clientId}-h`,
      eligible: mainSession.leader.leading // both on one instance
    }
  )
  return { main: mainSession, host: hostSession }
}

function createSession(
  parts: ReceiverParts,
  session: { name: string; clientId: string | null; eligible?: () => boolean; onEnd?: () => void }
): Session {
  const { store, limits, stats, log } = parts
  let receiver: Receiver | null = null
  const { name: sessionName, ...rest } = session
  const leader = createLeader({
    ...rest,
    store,
    sessionName,
    begin: async (lease) => (receiver = await beginReceiving(parts, lease)),
    limits,
    stats,
    log
  })
  return { leader, receiver: () => (leader.leading() ? receiver : null) }
}

const halfHeld = (limits: Limits): Limits => ({
  ...limits,
  heldMessagesMax: limits.heldMessagesMax / 2,
  heldBytesMax: limits.heldBytesMax / 2
})
