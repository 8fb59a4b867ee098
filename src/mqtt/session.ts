/**
 * The session that receives: connects again whenever it is lost, subscribes, and says when something may be missing.
 * Each connection is an object of its own; what outlives it is in the inbox and in the store.
 */

import { nextDelay } from './backoff.ts'
import type { Connection, ProtocolVersion } from './connection.ts'
import { ConnectError } from './connect-error.ts'
import { connect } from './connection.ts'
import { Announcement } from './presence.ts'
import { nextVersion } from './protocol-version.ts'
import type { ReceivingSession, SessionParts, SessionStatus } from './session-parts.ts'
import { subscribeSession } from './subscribing.ts'
import { TakeoverWatch } from './takeover.ts'

/** A connection that lived shorter does not make the next attempt quicker: it may be a client id used twice. */
const stableMsMin = 10_000

export function createReceivingSession(parts: SessionParts): ReceivingSession {
  const { memory, limits, stats, log, inbox, hooks, clean } = parts
  let accepted = memory.protocolVersion
  let version: ProtocolVersion = accepted ?? 5
  let connection: Connection | null = null
  /** Of the newest connection. */
  let announcement: Announcement | null = null
  let stopped = false
  let stopWaiting: (() => void) | null = null
  const connecting = new AbortController()
  let aliveAt = memory.aliveAt
  let { filters, subscription } = memory
  /** The broker had no session, and that is not yet written down. */
  let forgotten = false
  const takeover = new TakeoverWatch(limits)
  const status: SessionStatus = {
    state: 'connecting',
    since: Date.now(),
    version: null,
    lastError: null,
    lastErrorCode: null,
    takenOver: false,
    refusedFilters: [],
    sessionExpirySeconds: null
  }

  async function open(): Promise<Connection> {
    // Identity of the connection for the inbox; its tap exists only once the stream is built
    const sink = {
      version,
      acknowledge: (packets: Buffer) => opened?.tap?.acknowledge(packets),
      pauseReading: () => opened?.tap?.pauseReading(),
      resumeReading: () => opened?.tap?.resumeReading()
    }
    let opened: Connection | null = null
    const saying = (announcement = new Announcement(parts.presence, log))
    opened = await connect({
      broker: parts.broker,
      version,
      clientId: memory.clientId,
      clean,
      sessionExpirySeconds: parts.sessionExpirySeconds,
      will: { topic: parts.presence.topic, payload: saying.will },
      limits,
      signal: connecting.signal,
      tap: {
        connack: (sessionPresent) => inbox.connected(sink, sessionPresent),
        publish: (frame) => {
          inbox.publish(frame)
          saying.heard(frame)
        },
        pubrel: (packetId) => inbox.pubrel(packetId)
      }
    })
    return opened
  }

  /** Until CONNACK is there nobody knows whether the broker has begun a session anew, unless it was never reached. */
  async function openKnowingly(): Promise<Connection> {
    const before = subscription
    if (before !== 'none') subscription = 'subscribing'
    try {
      const opened = await open()
      subscription = before
      return opened
    } catch (error) {
      if (error instanceof ConnectError) {
        if (error.unreachable) takeover.brokerIsAway()
        // It cannot have made a session of it: it was not there, or it said no
        if (error.unreachable || error.reasonCode !== null) subscription = before
      }
      throw error
    }
  }

  async function establish(opened: Connection): Promise<void> {
    stats.connects++
    accepted = opened.version
    const lost = clean || !opened.sessionPresent || forgotten
    forgotten = lost
    // Somebody died between CONNECT and SUBSCRIBE: the session may be one that he began, and knows nothing
    const uncertain = subscription === 'subscribing'
    await tellGap(lost || uncertain)
    if (lost) {
      await inbox.idle() // earlier messages carry identifiers of the former session
      await hooks.newSession()
      forgotten = false
      ;[filters, subscription] = [[], 'none']
    }
    const { subscribed, refused } = await subscribeSession({
      connection: opened,
      memory: { filters, subscription },
      filters: parts.filters,
      qos: parts.qos,
      clean,
      remember: hooks.subscription,
      log
    })
    if (uncertain) inbox.forgetUnmentioned()
    if (opened.version === 5 || lost || uncertain) status.refusedFilters = refused
    else status.refusedFilters.push(...refused)
    ;[filters, subscription] = [subscribed, 'subscribed']
    aliveAt = Date.now()
    await announcement!.begin(opened)
    const { sessionExpirySeconds } = opened.server
    if (opened.version === 5 && sessionExpirySeconds < parts.sessionExpirySeconds) {
      log.warn(
        { askedSeconds: parts.sessionExpirySeconds, sessionExpirySeconds },
        'The broker keeps our session shorter than asked: after a longer absence, messages are missing'
      )
    }
    Object.assign(status, {
      sessionExpirySeconds: opened.version === 5 ? sessionExpirySeconds : null,
      state: 'connected',
      since: Date.now(),
      version: opened.version,
      lastError: null,
      lastErrorCode: null,
      takenOver: false
    })
    log.info({ version: opened.version === 5 ? '5' : '3.1.1', resumed: !lost }, 'Connected to the broker')
    hooks.ready(opened)
  }

  /** What may be missing, since we were away. Nothing can be, before the first time that we were there. */
  async function tellGap(lost: boolean): Promise<void> {
    if (aliveAt === null) return
    const forgot = lost && !clean // else that was asked for
    if (forgot) stats.sessionsLost++
    const cause = forgot ? 'session_lost' : takeover.suspected ? 'taken_over' : 'absence'
    const to = Date.now()
    await hooks.gap({ cause, session: memory.name, from: aliveAt, to, messages: null })
    aliveAt = to
  }

  async function live(opened: Connection): Promise<void> {
    connection = opened
    const begun = Date.now()
    const alive = setInterval(() => (aliveAt = Date.now()), 1_000)
    const { ended } = opened
    try {
      await Promise.race([establish(opened), ended.then(({ reason }) => Promise.reject(new Error(reason)))])
      status.lastError = (await ended).reason
    } finally {
      clearInterval(alive)
      connection = null
      opened.destroy()
      takeover.ended(await ended, Date.now() - begun)
      stats.disconnects++
      inbox.disconnected()
      if (!stopped) Object.assign(status, { state: 'connecting', since: Date.now() })
    }
  }

  /** Returns how long to leave the session to the other client; 0 when there seems to be none. */
  function sayTakeover(): number {
    status.takenOver = takeover.suspected
    if (takeover.suspected) {
      status.lastErrorCode = null
      status.lastError = `another client uses the client id ${memory.clientId}: give each its own`
      stats.takeovers++
    }
    return takeover.delayMs()
  }

  async function pause(ms: number): Promise<void> {
    const { lastError: reason, lastErrorCode: code } = status
    log.warn(
      { reason, ...(code !== null && { code }), retryInMs: Math.round(ms) },
      'Not connected to the broker'
    )
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      stopWaiting = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    status: () => ({ ...status }),
    async run() {
      let delay = 0
      while (!stopped) {
        const started = Date.now()
        try {
          await hooks.connecting()
          const opened = await openKnowingly()
          // Stopped meanwhile: nobody would end this connection any more
          if (stopped) opened.destroy()
          else await live(opened)
        } catch (error) {
          const next = nextVersion(version, error, accepted)
          if (next < version) log.info('The broker does not speak MQTT 5; trying 3.1.1')
          version = next
          status.lastError = (error as Error).message
          status.lastErrorCode = error instanceof ConnectError ? error.tlsFault : null
        }
        if (stopped) break
        delay = nextDelay(Date.now() - started > stableMsMin ? 0 : delay, limits)
        await pause(Math.max(delay, sayTakeover()))
      }
      Object.assign(status, { state: 'stopped', since: Date.now() })
    },
    async stop() {
      stopped = true
      stopWaiting?.()
      const opened = connection
      if (opened === null) return connecting.abort()
      await announcement!.end(opened).catch(() => {}) // then the broker publishes our will
      await opened.end()
    },
    drop() {
      stopped = true
      stopWaiting?.()
      connecting.abort()
      connection?.destroy()
    }
  }
}
