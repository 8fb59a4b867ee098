/** Conditional requests (RFC 9110 section 13), by the version of what is read. Pure. */

import { createHash } from 'node:crypto'
import { Problem } from '../errors.ts'
import type { Seq, TopicState } from '../model.ts'

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

export interface Conditions {
  'if-match'?: string | undefined
  'if-none-match'?: string | undefined
}

/** For writes of the retained message. `*` asks whether there is one. Throws Problem precondition_failed. */
export function checkConditions(headers: Conditions, state: TopicState | null): void {
  const holds = (header: string): boolean =>
    header === '*' ? state?.retained != null : state !== null && tags(header).includes(toEtag(state))
  const { 'if-match': match, 'if-none-match': noneMatch } = headers
  if ((match !== undefined && !holds(match)) || (noneMatch !== undefined && holds(noneMatch))) {
    const now = state === null ? 'nothing is known of this topic' : `its ETag is ${toEtag(state)}`
    throw new Problem('precondition_failed', `Read it again and decide again: ${now}`)
  }
}
