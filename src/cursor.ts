/**
 * Opaque, authenticated tokens: a position in the journal (cursor), or where a page went on (page token). Page tokens are
 * encrypted, too: a page may end with an item that its reader may not read, and where that stands tells of it. Pure.
 */

import { createCipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Problem } from './errors.ts'
import type { Head, Seq } from './model.ts'
import type { SortKey } from './predicate/sort.ts'

const macBytes = 12
const cursorKind = 1
/** As page tokens were before they were encrypted; read, and no longer given. */
const openPageKind = 2
const pageKind = 3
/** One shard until the journal is sharded by topic; the byte is there so that cursors then still parse. */
const shard = 0
/** As much of a journal's id as a token carries: it tells a handful of journals apart, the MAC does the rest. */
const journalBytes = 4
const headBytes = 1 + journalBytes

export interface Position {
  seq: Seq
  /** Of the fact behind `seq`, the events up to this number have been seen; 0: none. */
  part: number
  /** null: the snapshot, if there was one, has been seen whole. */
  snapshotTopicId: number | null
}

/** Where the next page of a list begins. */
export interface Place {
  /** The journal's position when the first page was read. */
  until: Seq
  /** Behind this item: a topic's id or a seq, as the list has it. */
  after: number
}

/** The same in a list whose order takes several numbers. */
export interface KeyedPlace {
  until: Seq
  after: readonly number[]
}

/** Where a list goes on that is in the order of ids, or of what is at a path and then of ids. */
export interface SearchPlace {
  id: number
  /** null: in the order of ids. */
  key: SortKey | null
}

/** The same, with what else the token of such a list carries. */
export interface SearchToken {
  until: Seq
  place: SearchPlace
  /** That the ids are of; 0 where they are of none. */
  projection: number
}

/** A journal of this database: the first, or what a restore from backup began. */
export interface JournalOrigin {
  id: string
  /** Its first fact is behind this; what came up to here it shares with the journal before. */
  beganSeq: Seq
}

export interface Cursors {
  /** A position: everything up to and including `seq` has been seen, and of the next fact the events up to `part`. */
  encode(seq: Seq, part?: number): string
  /** A position within a snapshot that shows the states at `seq`: topics up to this one have been seen. */
  encodeInSnapshot(seq: Seq, topicId: number): string
  /** Throws cursor_invalid, cursor_kind, cursor_ahead or cursor_expired. */
  decodePosition(token: string, head: Head): Position
  /** Without what comes behind `seq`. */
  decode(token: string, head: Head): Seq
  /** `list` names what is paged, with its arguments, so that a token fits only the list it came from. */
  encodePage(list: string, place: Place | KeyedPlace): string
  /** Throws cursor_invalid, cursor_kind or cursor_ahead. */
  decodePage(list: string, token: string): Place
  /** `numbers`: as many as the list's order takes. */
  decodeKeyedPage(list: string, token: string, numbers: number): KeyedPlace
  encodeSearchPage(list: string, token: SearchToken): string
  /** Throws as `decodePage`. */
  decodeSearchPage(list: string, token: string): SearchToken
}

/** `journals`: of this database, in the order in which they began; the last is the one that is written. */
export function createCursors(journals: readonly JournalOrigin[], key: Uint8Array): Cursors {
  const tags = journals.map(({ id }) => tagOf(id))
  const current = tags.at(-1)!
  // A later journal shares what came before it with every earlier one, so the nearest end counts
  const ends = journals.map((_, index) => Math.min(...journals.slice(index + 1).map((next) => next.beganSeq)))

  /** The newest position that a token with this tag can have and still mean what it means here. */
  const endOf = (tag: Buffer): Seq => ends[tags.findLastIndex((known) => known.equals(tag))] ?? -1

  const pageKey = createHmac('sha256', key).update('rialto page token').digest()
  /** By the MAC of what is in it, so that the same place is the same token (RFC 5297). Encrypts and decrypts. */
  const encrypted = (kind: number, body: Buffer, code: Buffer): Buffer => {
    if (kind !== pageKind) return body
    const start = Buffer.concat([code, Buffer.alloc(16 - macBytes)])
    return createCipheriv('aes-256-ctr', pageKey, start).update(body)
  }

  const seal = (kind: number, body: Buffer): string => {
    const head = Buffer.concat([Buffer.from([kind]), current])
    const code = mac(key, Buffer.concat([head, body]))
    return Buffer.concat([head, encrypted(kind, body, code), code]).toString('base64url')
  }
  const open = (kind: number, token: string): { end: Seq; body: Buffer } => {
    const raw = Buffer.from(token, 'base64url')
    // Buffer ignores what is not base64url, so a token is only itself if it comes back the same
    if (raw.length <= headBytes + macBytes || raw.toString('base64url') !== token) throw invalid()
    const [head, code] = [raw.subarray(0, headBytes), raw.subarray(-macBytes)]
    const body = encrypted(head[0]!, raw.subarray(headBytes, -macBytes), code)
    if (!timingSafeEqual(code, mac(key, Buffer.concat([head, body])))) throw invalid()
    if (head[0] !== kind && !(kind === pageKind && head[0] === openPageKind)) {
      const given = head[0] === cursorKind ? 'a cursor' : 'a page token'
      throw new Problem('cursor_kind', `This is ${given}: cursors go in \`after\`, page tokens in \`page\``)
    }
    return { end: endOf(head.subarray(1)), body }
  }

  const encode = (...numbers: number[]): string => {
    const body = Buffer.alloc(1 + numbers.length * 8)
    body[0] = shard
    for (const [index, number] of numbers.entries()) body.writeBigUInt64BE(BigInt(number), 1 + index * 8)
    return seal(cursorKind, body)
  }
  const decodePosition = (token: string, head: Head): Position => {
    const { end, body } = open(cursorKind, token)
    const numbers = Array.from({ length: (body.length - 1) >> 3 }, (_, at) =>
      body.readBigUInt64BE(1 + at * 8)
    )
    const [seq = -1, topicId = null, part = 0] = numbers.map(Number)
    // A fact that has been seen in part is the same only where that fact is
    const last = part > 0 ? seq + 1 : seq
    if (last > head.seq || last > end) throw ahead('read a snapshot and go on from its cursor')
    if (seq < head.horizon) {
      throw new Problem(
        'cursor_expired',
        'What follows is no longer kept: read a snapshot and go on from its cursor'
      )
    }
    return { seq, part, snapshotTopicId: part > 0 ? null : topicId }
  }

  /** Of a list: its digest, the position at its first page, other numbers, and what else there is. */
  const encodeList = (list: string, numbers: readonly number[], rest = ''): string => {
    const body = Buffer.alloc(8 + numbers.length * 8)
    digest(list).copy(body)
    for (const [index, number] of numbers.entries()) body.writeBigInt64BE(BigInt(number), 8 + index * 8)
    return seal(pageKind, Buffer.concat([body, Buffer.from(rest)]))
  }
  const decodeList = (
    list: string,
    token: string,
    numbers: number
  ): { until: Seq; numbers: number[]; rest: string } => {
    const { end, body } = open(pageKind, token)
    if (!body.subarray(0, 8).equals(digest(list)) || body.length < 16 + numbers * 8) throw ofAnother()
    const until = Number(body.readBigInt64BE(8))
    if (until > end) throw ahead('begin the list again')
    return {
      until,
      numbers: Array.from({ length: numbers }, (_, index) => Number(body.readBigInt64BE(16 + index * 8))),
      rest: body.toString('utf8', 16 + numbers * 8)
    }
  }

  const decodeKeyedPage = (list: string, token: string, numbers: number): KeyedPlace => {
    const { until, numbers: after, rest } = decodeList(list, token, numbers)
    if (rest !== '') throw ofAnother()
    return { until, after }
  }

  return {
    encode: (seq, part = 0) => (part === 0 ? encode(seq) : encode(seq, 0, part)),
    encodeInSnapshot: (seq, topicId) => encode(seq, topicId),
    decode: (token, head) => decodePosition(token, head).seq,
    decodePosition,
    encodePage: (list, { until, after }) => encodeList(list, [until, ...[after].flat()]),
    decodePage(list, token) {
      const { until, after } = decodeKeyedPage(list, token, 1)
      return { until, after: after[0]! }
    },
    decodeKeyedPage,
    encodeSearchPage: (list, { until, place: { id, key }, projection }) =>
      encodeList(searchList(list), [until, id, projection], JSON.stringify(key)),
    decodeSearchPage(list, token) {
      const { until, numbers, rest } = decodeList(searchList(list), token, 2)
      return {
        until,
        place: { id: numbers[0]!, key: JSON.parse(rest) as SortKey | null },
        projection: numbers[1]!
      }
    }
  }
}

/** Tokens of these lists are not mistaken for those of others, whatever the others are called. */
const searchList = (list: string): string => `search ${list}`

const mac = (key: Uint8Array, data: Buffer): Buffer =>
  createHmac('sha256', key).update(data).digest().subarray(0, macBytes)

const tagOf = (journalId: string): Buffer =>
  createHash('sha256').update(journalId).digest().subarray(0, journalBytes)

const digest = (text: string): Buffer => createHmac('sha256', 'list').update(text).digest().subarray(0, 8)

const ofAnother = (): Problem =>
  new Problem('cursor_kind', 'This page token is of another list: repeat the same arguments with it')

const invalid = (): Problem =>
  new Problem('cursor_invalid', 'Give back a `cursor` or `next` exactly as it was received')

const ahead = (advice: string): Problem =>
  new Problem('cursor_ahead', `The journal has not come this far, or was restored from a backup: ${advice}`)
