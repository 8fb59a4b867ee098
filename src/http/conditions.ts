/** Conditional requests (RFC 9110 section 13), by the version of what is read. Pure. */

import { createHash } from 'node:crypto'
import { Type } from 'typebox'
import type { ConditionAsk } from '../commands/condition.ts'
import { Problem } from '../errors.ts'
import type { Seq } from '../model.ts'

/** Of the state of a topic. */
export const toEtag = ({ seq }: { seq: Seq }): string => `"${seq}"`

/** Of a state that is not the one there is now. */
export const toWeakEtag = (state: { seq: Seq }): string => `W/${toEtag(state)}`

/** Of what is normalized: by its content, too, since messages that are normalized again leave `seq` as it was. */
export const toContentEtag = (seq: Seq, content: unknown): string =>
  `"${seq}.${digest([JSON.stringify(content)])}"`

/** Of a list, by the versions of its items. Weak: its tokens differ from answer to answer (RFC 9110 section 8.8.1). */
export const toListEtag = (versions: Iterable<string>): string => `W/"${digest(versions)}"`

/** 96 bits: nobody gains anything by making two lists alike. */
function digest(parts: Iterable<string>): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\n')
  return hash.digest('base64url').slice(0, 16)
}

const tags = (header: string): string[] => header.split(',').map((tag) => tag.trim())
const weakly = (tag: string): string => tag.replace(/^W\//, '')

/** True for the condition that anything there is meets. */
export const isAnything = (header: string): boolean => tags(header).includes('*')

/** For reads: true when the client has this version already (weak comparison, RFC 9110 section 13.1.2). */
export const isNotModified = (header: string | undefined, etag: string): boolean =>
  header !== undefined && (isAnything(header) || tags(header).some((tag) => weakly(tag) === weakly(etag)))

/** Of what is published on a condition. */
export const conditionHeaders = {
  'if-match': Type.Optional(
    Type.String({
      description:
        "ETag that the topic's state must have when the message is published, or several; `*`: there must be a retained message"
    })
  ),
  'if-none-match': Type.Optional(Type.String({ description: '`*`: there must be no retained message' }))
}

export interface Conditions {
  'if-match'?: string | undefined
  'if-none-match'?: string | undefined
}

/** For what is published: a weak tag, and one that is of no state, matches nothing (RFC 9110 section 13.1.1). Throws Problem. */
export function readConditions(headers: Conditions): ConditionAsk {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if (noneMatch !== undefined && noneMatch.trim() !== '*') {
    const detail = 'can only be * here: there is no retained message. For a state that is known, use If-Match'
    throw new Problem('invalid_value', `If-None-Match ${detail}`, [{ pointer: 'if-none-match', detail }])
  }
  return { match: match === undefined ? null : readMatch(match), none: noneMatch !== undefined }
}

const readMatch = (header: string): ConditionAsk['match'] =>
  header.trim() === '*'
    ? '*'
    : tags(header).flatMap((tag) => (/^"\d{1,15}"$/.test(tag) ? [Number(tag.slice(1, -1))] : []))

/** Tells the same request with another condition from this one. */
export const conditionText = ({ 'if-match': match, 'if-none-match': noneMatch }: Conditions): string =>
  match === undefined && noneMatch === undefined ? '' : `\n${JSON.stringify([match, noneMatch])}`
