/** Conditional requests (RFC 9110 section 13), by the version of a topic's state or a device. Pure. */

import { Problem } from '../errors.ts'
import type { Seq, TopicState } from '../model.ts'

/** What has a version: a topic's state, or a device, which also begins anew in another projection. */
export interface Versioned {
  seq: Seq
  id?: number
}

export const toEtag = ({ seq, id }: Versioned): string => (id === undefined ? `"${seq}"` : `"${seq}.${id}"`)

const tags = (header: string): string[] => header.split(',').map((tag) => tag.trim())

/** For reads: true when the client has this version already (weak comparison, RFC 9110 section 13.1.2). */
export const isNotModified = (header: string | undefined, state: Versioned): boolean =>
  header !== undefined && tags(header).some((tag) => tag === '*' || tag.replace(/^W\//, '') === toEtag(state))

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
