/** Commands that are sent once, however often the way to the service breaks, and waited for. */

import type { Connection } from './connection.ts'
import type { components } from './openapi.ts'
import { RialtoError, toError } from './problem.ts'
import { backoffMs, pause } from './waits.ts'

export type Command = components['schemas']['Command']
export type CommandRequest = components['schemas']['CommandRequest']

export interface SendOptions {
  /** How long the outcome is waited for, 0 (the default) to any number of seconds. */
  waitSeconds?: number
  /** The same key, the same command: also in another run of the program. Not given: one of chance, for this call. */
  idempotencyKey?: string
  /** How long it is tried again while the service is away, seconds. Default 30. Then the last error is thrown. */
  retrySeconds?: number
  headers?: Record<string, string>
  signal?: AbortSignal
}

const retrySecondsDefault = 30
/** What the service waits for in one request. */
const waitSecondsMax = 60

/**
 * Sends a command, and answers it as it is after `waitSeconds`, or as soon as it is final. Where an answer is lost, the command is
 * sent again with the same key, so that there is one. Throws RialtoError where it is refused. That it was accepted does not say
 * that the device has it: look at `final` and `state`.
 */
export async function sendCommand(
  connection: Connection,
  body: CommandRequest,
  options: SendOptions = {}
): Promise<Command> {
  const { waitSeconds = 0, idempotencyKey = chance(), signal } = options
  const until = performance.now() + waitSeconds * 1000
  const answer = await persist(options, () =>
    connection.accept('POST', '/v1/commands', {
      body,
      headers: {
        ...options.headers,
        'idempotency-key': idempotencyKey,
        ...(waitSeconds > 0 && { prefer: `wait=${Math.min(waitSecondsMax, Math.ceil(waitSeconds))}` })
      },
      signal
    })
  )
  const command = (await answer.json()) as Command
  const left = (until - performance.now()) / 1000
  return command.final || left <= 0
    ? command
    : awaitCommand(connection, command.id, { ...options, waitSeconds: left })
}

/** The command as soon as it is final, or as it is after `waitSeconds`. Throws RialtoError `not_found`. */
export async function awaitCommand(
  connection: Connection,
  id: string,
  options: Pick<SendOptions, 'waitSeconds' | 'retrySeconds' | 'signal'> = {}
): Promise<Command> {
  const until = performance.now() + (options.waitSeconds ?? waitSecondsMax) * 1000
  let command: Command | null = null
  let etag: string | null = null
  for (;;) {
    const left = Math.max(0, (until - performance.now()) / 1000)
    const answer = await persist(options, async () => {
      const prefer = `wait=${Math.min(waitSecondsMax, Math.floor(left))}`
      const one = await connection.ask('GET', '/v1/commands/{id}', {
        path: { id },
        headers: etag === null ? {} : { 'if-none-match': etag, prefer },
        signal: options.signal
      })
      // Not changed in that time
      return one.status === 304 || one.ok ? one : Promise.reject(await toError(one))
    })
    if (answer.status !== 304) {
      command = (await answer.json()) as Command
      etag = answer.headers.get('etag')
    }
    if (command!.final || left <= 0) return command!
    if (left < 1) await pause(left * 1000, options.signal)
  }
}

/** Tries again while the service, or the way to it, is away. */
async function persist(
  { retrySeconds = retrySecondsDefault, signal }: Pick<SendOptions, 'retrySeconds' | 'signal'>,
  attempt: () => Promise<Response>
): Promise<Response> {
  const until = performance.now() + retrySeconds * 1000
  for (let failures = 0; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      const isAway = !(error instanceof RialtoError) || error.passes
      const asked = error instanceof RialtoError ? (error.retryAfterSeconds ?? 0) * 1000 : 0
      const wait = Math.max(asked, backoffMs(failures))
      if (!isAway || performance.now() + wait > until) throw error
      await pause(wait, signal)
      signal?.throwIfAborted()
    }
  }
}

/** 128 bits. Pages that are not of https have no `randomUUID`. */
const chance = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    ''
  )
