/** What somebody may do, told to them: their grants, and answers to what they ask about. Nothing else is looked at. */

import { Problem } from '../errors.ts'
import type { Grant, Rights } from '../grant.ts'
import type { Limits } from '../limits.ts'
import type { Access } from '../model.ts'
import { toTime } from '../views.ts'
import { covers, filterFault, overlap, receivedTopicFault } from '../topic.ts'
import { filtersOf, grantedOf, namesOf } from './rights.ts'

export const permissionActions = ['read', 'command', 'administer'] as const
export type PermissionAction = (typeof permissionActions)[number]

/** Of a filter: `all` where one grant covers it; `some` where there may be topics that are granted, and these may be all. */
export const allowances = ['all', 'some', 'none'] as const
export type Allowance = (typeof allowances)[number]

/** Exactly one of the three, but none to administer. */
export interface PermissionAsk {
  action: PermissionAction
  topic?: string | null | undefined
  filter?: string | null | undefined
  device?: string | null | undefined
}

export interface PermissionsView {
  principal: string
  tenant: string | null
  grants: Array<{ role: Grant['role']; topic?: string; device?: string }>
  /** null: it does not end by itself. */
  expiresAt: string | null
  checks: Array<{
    action: PermissionAction
    topic: string | null
    filter: string | null
    device: string | null
    allowed: Allowance
  }>
}

type PermissionLimits = Pick<Limits, 'permissionChecksMax' | 'topicLevelsMax' | 'nameBytesMax'>

/** `pointer`: where the checks are. Throws Problem invalid_value, invalid_topic or invalid_filter. */
export function tellPermissions(
  access: Access,
  checks: readonly PermissionAsk[],
  limits: PermissionLimits,
  pointer = '/checks'
): PermissionsView {
  if (checks.length > limits.permissionChecksMax)
    throw refuse(
      'invalid_value',
      pointer,
      `There are at most ${limits.permissionChecksMax} checks in a request`
    )
  const { rights, sources } = grantedOf(access)
  return {
    principal: access.principal,
    tenant: rights.tenant,
    grants: rights.grants.map((grant) => ({ ...grant })),
    expiresAt: access.expiresAt === undefined ? null : toTime(access.expiresAt),
    checks: checks.map((ask, n) => {
      checkAsk(ask, limits, `${pointer}/${n}`)
      const { action, topic = null, filter = null, device = null } = ask
      return { action, topic, filter, device, allowed: allowanceOf(access, rights, sources, ask) }
    })
  }
}

function checkAsk(
  { action, topic, filter, device }: PermissionAsk,
  limits: PermissionLimits,
  pointer: string
): void {
  const given = [topic, filter, device].filter((one) => one != null)
  if (given.length !== (action === 'administer' ? 0 : 1))
    throw refuse(
      'invalid_value',
      pointer,
      action === 'administer'
        ? 'To administer is of nothing in particular: give no topic, filter or device'
        : 'Give a topic, a filter or a device, and one of them'
    )
  if (topic != null) {
    const fault = receivedTopicFault(topic)
    if (fault !== null) throw refuse('invalid_topic', `${pointer}/topic`, fault)
  }
  if (filter != null) {
    const fault = filterFault(filter, limits.topicLevelsMax)
    if (fault !== null) throw refuse('invalid_filter', `${pointer}/filter`, fault)
  }
  if (device != null && (device === '' || Buffer.byteLength(device) > limits.nameBytesMax))
    throw refuse(
      'invalid_value',
      `${pointer}/device`,
      `A device has a name of 1 to ${limits.nameBytesMax} bytes`
    )
}

function allowanceOf(
  access: Access,
  rights: Rights,
  sources: ReadonlySet<string>,
  { action, topic, filter, device }: PermissionAsk
): Allowance {
  if (access.administers === true) return 'all'
  if (action === 'administer') return 'none'
  if (topic != null) return (action === 'read' ? access.mayRead : access.mayPublish)(topic) ? 'all' : 'none'
  if (filter != null) return ofFilter(rights, action, filter, action === 'read' ? sources : new Set())
  if (!namesOf(rights.grants, action).includes(device!)) return 'none'
  // Of a device that is granted, a tenant may leave some of its topics, or none
  return rights.tenant === null ? 'all' : 'some'
}

function ofFilter(
  { grants, tenant }: Rights,
  role: 'read' | 'command',
  filter: string,
  sources: ReadonlySet<string>
): Allowance {
  const granted = filtersOf(grants, role)
  const scope = tenant === null ? null : `${tenant}/#`
  const isWithin = scope === null || covers(scope, filter)
  if (isWithin && granted.some((one) => covers(one, filter))) return 'all'
  const scoped = (one: string): boolean =>
    overlap(one, filter) && (scope === null || (overlap(scope, filter) && overlap(scope, one)))
  return [...granted, ...sources].some(scoped) ? 'some' : 'none'
}

const refuse = (
  code: 'invalid_value' | 'invalid_topic' | 'invalid_filter',
  pointer: string,
  detail: string
): Problem => new Problem(code, detail, [{ pointer, detail }])
