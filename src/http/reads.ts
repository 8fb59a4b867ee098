/**
 * How every read answers: behind the `min-cursor` that it names; with 304 where the client has that version; and, with
 * `Prefer: wait=N`, when there is another one.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { withEnd } from '../access/ended.ts'
import { Problem } from '../errors.ts'
import type { MinCursor } from '../feed/min-cursor.ts'
import type { Watched } from '../feed/watch.ts'
import type { Limits } from '../limits.ts'
import { empty, header } from './answers.ts'
import { isAnything, isNotModified } from './conditions.ts'
import type { Surface } from './parts.ts'
import { readPrefer } from './prefer.ts'
import { createTurns } from './turns.ts'

/** What was found: its version, and how to send it. */
export interface Found {
  etag: string
  send(reply: FastifyReply): unknown
}

export interface Read {
  /** What must have come as far as `min-cursor`. */
  behind: keyof MinCursor
  /** Finds what there is now. Throws Problem. */
  look(): Promise<Found>
  /** What tells that it may have changed; absent: it is not waited for. */
  watched?: (() => Watched) | undefined
  /** Arguments that are given, and with which nothing changes that could be waited for. */
  fixedBy?: readonly string[]
}

export type Reads = (request: FastifyRequest, reply: FastifyReply, read: Read) => Promise<unknown>

export const minCursorQuery = {
  'min-cursor': Type.Optional(
    Type.String({
      description:
        'Read your writes: a cursor, such as `Rialto-Cursor` of a write. What is read is as new, or newer; if it does not ' +
        'come there in time, the answer is `cursor_not_reached`'
    })
  )
}

export const readHeaders = (limits: Limits) =>
  Type.Object({
    'if-none-match': Type.Optional(Type.String({ description: 'ETag of a version that the client has' })),
    prefer: Type.Optional(
      Type.String({
        description:
          `\`wait=N\` (RFC 7240), N seconds, at most ${limits.waitSecondsMax}. With If-None-Match, where waiting is ` +
          'possible: answer as soon as there is another version, or 304 after N seconds. With min-cursor: wait so long ' +
          `instead of ${limits.minCursorMsMax / 1_000} seconds`,
        examples: ['wait=30']
      })
    )
  })

export const notModified = empty('The client has this version: see If-None-Match')
export const readAnswerHeaders = { ...header.etag, ...header.preferenceApplied }
export const listAnswerHeaders = { ...header.listEtag, ...header.preferenceApplied }
/** What a read may be refused with, because of how it may be asked. */
export const readRefusals = [
  'cursor_invalid',
  'cursor_kind',
  'cursor_ahead',
  'cursor_not_reached',
  'too_many_requests'
] as const
export const listRefusals = [...readRefusals, 'page_too_large'] as const

/** One for all routes, so that the bounds hold for all of them together. */
export function createReads({ minCursor, watches, limits, closing }: Surface): Reads {
  const turn = createTurns(limits.longPollLooksMax)
  let waiting = 0

  /** Looks until there is another version than the client's, or `signal` aborts. */
  async function awaitAnother(read: Read, known: string, signal: AbortSignal): Promise<Found> {
    const watching = await watches.watch(read.watched!())
    try {
      let found = await turn(read.look)
      while (isNotModified(known, found.etag) && (await watching.changed(signal)))
        found = await turn(read.look)
      return found
    } finally {
      watching.close()
    }
  }

  async function longPoll(read: Read, known: string, signal: AbortSignal): Promise<Found> {
    if (waiting >= limits.longPollsMax)
      throw new Problem(
        'too_many_requests',
        `${limits.longPollsMax} requests wait for changes, and no more are allowed: ask without Prefer, or stream`
      )
    waiting++
    try {
      return await awaitAnother(read, known, signal)
    } finally {
      waiting--
    }
  }

  return async (request, reply, read) => {
    const { 'min-cursor': token } = request.query as { 'min-cursor'?: string }
    const known = request.headers['if-none-match']
    const { waitSeconds } = readPrefer(request.headers.prefer as string | undefined, limits.waitSecondsMax)
    const endsAt = Date.now() + (waitSeconds ?? 0) * 1_000
    const waits = waitSeconds !== null && known !== undefined && read.watched !== undefined
    if (waits) checkFixed(read.fixedBy ?? [])
    if (waitSeconds !== null && (waits || token !== undefined))
      void reply.header('preference-applied', `wait=${waitSeconds}`)

    const ended = (): AbortSignal => withEnd(request.access, goneSignal(reply), closing)
    if (token !== undefined)
      await minCursor[read.behind](token, ended(), waitSeconds === null ? undefined : waitSeconds * 1_000)
    let found = await read.look()
    const ms = endsAt - Date.now()
    if (waits && ms > 0 && !isAnything(known) && isNotModified(known, found.etag))
      found = await longPoll(read, known, AbortSignal.any([ended(), AbortSignal.timeout(ms)]))
    void reply.header('etag', found.etag)
    return isNotModified(known, found.etag) ? reply.code(304).send() : found.send(reply)
  }
}

function checkFixed(fixedBy: readonly string[]): void {
  if (fixedBy.length === 0) return
  const detail = `cannot be followed with ${fixedBy.join(' and ')}: what is read does not change. Ask without it, or without wait`
  throw new Problem('invalid_value', `Prefer: wait ${detail}`, [{ pointer: 'Prefer', detail }])
}

/** Aborts when the client has gone; the request's own signal fires as soon as its body has been read. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort()
  })
  return gone.signal
}
