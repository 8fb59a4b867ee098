/** Opaque, authenticated tokens: a position in the journal (cursor), or where a page went on (page token). Pure. */

import { createHmac, timingSafeEqual } from 'node:crypto'
import { Problem } from './errors.ts'
import type { Head, Seq } from './model.ts'

const macBytes = 12
const cursorKind = 1
const pageKind = 2
/** One shard until the journal is sharded by topic; the byte is there so that cursors then still parse. */
const shard = 0

export interface Position {
  seq: Seq
  /** null: the snapshot, if there was one, has been seen whole. */
  snapshotTopicId: number | null
}

export interface Cursors {
  /** A position: everything up to and including `seq` has been seen. */
  encode(seq: Seq): string
  /** A position within a snapshot that shows the states at `seq`: topics up to this one have been seen. */
  encodeInSnapshot(seq: Seq, topicId: number): string
  /** Throws cursor_invalid, cursor_kind, cursor_ahead or cursor_expired. */
  decode(token: string, head: Head): Seq
  decodePosition(token: string, head: Head): Position
  /** `list` names what is paged, with its arguments, so that a token fits only the list it came from. */
  encodePage(list: string, position: readonly number[]): string
  decodePage(list: string, token: string): number[]
}

export function createCursors(journalId: string, key: Uint8Array): Cursors {
  const seal = (kind: number, body: Buffer): string => {
    const head = Buffer.concat([Buffer.from([kind]), body])
    return Buffer.concat([head, mac(key, journalId, head)]).toString('base64url')
  }
  const open = (kind: number, token: string): Buffer => {
    const raw = Buffer.from(token, 'base64url')
    // Buffer ignores what is not base64url, so a token is only itself if it comes back the same
    if (raw.length <= macBytes || raw.toString('base64url') !== token) throw invalid()
    const head = raw.subarray(0, -macBytes)
    if (!timingSafeEqual(raw.subarray(-macBytes), mac(key, journalId, head))) throw invalid()
    if (head[0] !== kind) {
      const given = head[0] === cursorKind ? 'a cursor' : 'a page token'
      throw new Problem('cursor_kind', `This is ${given}: cursors go in \`after\`, page tokens in \`page\``)
    }
    return head.subarray(1)
  }

  const encode = (...numbers: number[]): string => {
    const body = Buffer.alloc(1 + numbers.length * 8)
    body[0] = shard
    for (const [index, number] of numbers.entries()) body.writeBigUInt64BE(BigInt(number), 1 + index * 8)
    return seal(cursorKind, body)
  }
  const decodePosition = (token: string, head: Head): Position => {
    const body = open(cursorKind, token)
    const seq = Number(body.readBigUInt64BE(1))
    if (seq > head.seq) {
      throw new Problem(
        'cursor_ahead',
        'The journal has not come this far: read a snapshot and go on from its cursor'
      )
    }
    if (seq < head.horizon) {
      throw new Problem(
        'cursor_expired',
        'What follows is no longer kept: read a snapshot and go on from its cursor'
      )
    }
    return { seq, snapshotTopicId: body.length > 9 ? Number(body.readBigUInt64BE(9)) : null }
  }

  return {
    encode: (seq) => encode(seq),
    encodeInSnapshot: (seq, topicId) => encode(seq, topicId),
    decode: (token, head) => decodePosition(token, head).seq,
    decodePosition,
    encodePage(list, position) {
      const body = Buffer.alloc(8 + position.length * 8)
      digest(list).copy(body)
      for (const [index, number] of position.entries()) body.writeBigInt64BE(BigInt(number), 8 + index * 8)
      return seal(pageKind, body)
    },
    decodePage(list, token) {
      const body = open(pageKind, token)
      if (!body.subarray(0, 8).equals(digest(list))) {
        throw new Problem(
          'cursor_kind',
          'This page token is of another list: repeat the same arguments with it'
        )
      }
      return Array.from({ length: (body.length - 8) / 8 }, (_, index) =>
        Number(body.readBigInt64BE(8 + index * 8))
      )
    }
  }
}

const mac = (key: Uint8Array, journalId: string, data: Buffer): Buffer =>
  createHmac('sha256', key).update(journalId).update(data).digest().subarray(0, macBytes)

const digest = (text: string): Buffer => createHmac('sha256', 'list').update(text).digest().subarray(0, 8)

const invalid = (): Problem =>
  new Problem('cursor_invalid', 'Give back a `cursor` or `next` exactly as it was received')
