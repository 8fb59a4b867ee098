/**
 * What somebody is granted: a role, for the topics that a filter matches, or for a device. Nothing is granted by default, and
 * grants only add. Pure.
 */

import type { ProblemDetail } from './errors.ts'
import { Problem } from './errors.ts'
import type { Limits } from './limits.ts'
import { filterFault, topicFault } from './topic.ts'

/** To read; to send commands and retained messages; to do both everywhere, and to change how the service works. */
export const roles = ['read', 'command', 'admin'] as const
export type Role = (typeof roles)[number]

/** A grant of a device is one of its source topics; that of commands, one of all that are sent to it by name. */
export type Grant =
  | { role: 'admin' }
  | { role: 'read' | 'command'; topic: string }
  | { role: 'read' | 'command'; device: string }

export interface Rights {
  grants: readonly Grant[]
  /** Topics begin with it and a slash, whatever the grants say; null: no tenant. */
  tenant: string | null
}

/** As `admin`, `read:topic:plant/#`, `command:device:pump-1`: for a command line and for claims of a token. */
export function grantText(grant: Grant): string {
  if (grant.role === 'admin') return 'admin'
  return 'topic' in grant ? `${grant.role}:topic:${grant.topic}` : `${grant.role}:device:${grant.device}`
}

/** Throws Problem invalid_value: this is no grant. */
export function parseGrant(text: string): Grant {
  if (text === 'admin') return { role: 'admin' }
  const [, role, kind, name] = /^(read|command):(topic|device):(.+)$/su.exec(text) ?? []
  if (name === undefined) {
    throw new Problem(
      'invalid_value',
      'A grant is `admin`, or `read` or `command` for a topic filter or a device, such as `read:topic:plant/#` or ' +
        `\`command:device:pump-1\`; this is ${JSON.stringify(text.slice(0, 100))}`
    )
  }
  return {
    role: role as 'read' | 'command',
    ...(kind === 'topic' ? { topic: name } : { device: name })
  } as Grant
}

type GrantLimits = Pick<Limits, 'grantsMax' | 'topicLevelsMax' | 'nameBytesMax'>

/**
 * Tells what is wrong with them, with a pointer for each; nothing, where nothing is. An administrator may everything, so of a
 * tenant there is none.
 */
export function rightsFaults({ grants, tenant }: Rights, limits: GrantLimits): ProblemDetail[] {
  if (grants.length > limits.grantsMax)
    return [{ pointer: '/grants', detail: `There are at most ${limits.grantsMax} grants` }]
  const faults = grants.flatMap((grant, index) => {
    const fault = grantFault(grant, tenant, limits)
    return fault === null ? [] : [{ pointer: `/grants/${index}`, detail: fault }]
  })
  const fault = tenant === null ? null : tenantFault(tenant, limits)
  return fault === null ? faults : [...faults, { pointer: '/tenant', detail: fault }]
}

function grantFault(grant: Grant, tenant: string | null, limits: GrantLimits): string | null {
  if (grant.role === 'admin') return tenant === null ? null : 'a tenant has no administrator'
  if ('topic' in grant) return filterFault(grant.topic, limits.topicLevelsMax)
  const length = Buffer.byteLength(grant.device)
  if (length > 0 && length <= limits.nameBytesMax) return null
  return `the name of a device has 1 to ${limits.nameBytesMax} bytes`
}

function tenantFault(tenant: string, limits: GrantLimits): string | null {
  if (tenant.endsWith('/')) return 'the slash behind it is not part of a tenant'
  return topicFault(tenant, limits.topicLevelsMax)
}
