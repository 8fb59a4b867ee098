/** What grants come to, for one topic or one device. Pure. */

import type { Grant, Rights } from '../grant.ts'
import type { Access } from '../model.ts'
import { compileTrie } from './filter-trie.ts'

export type CompiledRights = Pick<Access, 'mayRead' | 'mayPublish' | 'readsAll' | 'administers'> &
  Required<Pick<Access, 'mayReadDevice' | 'mayCommandDevice'>>

/** Whether a topic is one of those that a device is known by, as far as that is known now. */
type IsSource = (topic: string) => boolean

const yes = (): boolean => true
const no = (): boolean => false

/** To read and command everything, and to change how the service works. */
export const allRights: CompiledRights = {
  mayRead: yes,
  readsAll: true,
  mayPublish: yes,
  mayReadDevice: yes,
  mayCommandDevice: yes,
  administers: true
}

interface Granted {
  rights: Rights
  /** Topics of devices that it may read by grants of these, as they are known now. */
  sources: ReadonlySet<string>
}

const everything: Granted = { rights: { grants: [{ role: 'admin' }], tenant: null }, sources: new Set() }
const granted = new WeakMap<object, Granted>()

/** What is behind an access; of one that nobody authenticated, as in tests, everything or nothing. */
export function grantedOf({ rights, administers }: Pick<Access, 'rights' | 'administers'>): Granted {
  const found = rights === undefined ? undefined : granted.get(rights)
  if (found !== undefined) return found
  return administers === true ? everything : { rights: { grants: [], tenant: null }, sources: new Set() }
}

/** `sources`: topics of the devices that may be read (`readDevices`). Not given: these are not known. */
export function compileRights(rights: Rights, sources: ReadonlySet<string> = new Set()): CompiledRights {
  const compiled = compile(rights, (topic) => sources.has(topic))
  // What everybody who may everything has is one object
  if (compiled !== allRights) granted.set(compiled, { rights, sources })
  return compiled
}

function compile(rights: Rights, isSource: IsSource): CompiledRights {
  const { grants, tenant } = rights
  if (isAdmin(rights)) return allRights
  const within = inTenant(tenant)
  const topicsOf = (role: Grant['role'], other: IsSource): ((topic: string) => boolean) => {
    const matches = compileTrie(filtersOf(grants, role))
    return (topic) => within(topic) && (matches(topic) || other(topic))
  }
  const devicesOf = (role: Grant['role']): ((device: string, topic: string) => boolean) => {
    const devices = new Set(namesOf(grants, role))
    return (device, topic) => devices.has(device) && within(topic)
  }
  return {
    mayRead: topicsOf('read', readDevices(rights).length === 0 ? no : isSource),
    mayPublish: topicsOf('command', no),
    mayReadDevice: devicesOf('read'),
    mayCommandDevice: devicesOf('command')
  }
}

export const isAdmin = ({ grants, tenant }: Rights): boolean =>
  tenant === null && grants.some(({ role }) => role === 'admin')

/** Devices whose source topics may be read. */
export const readDevices = (rights: Rights): string[] =>
  isAdmin(rights) ? [] : namesOf(rights.grants, 'read')

/** What `{tenant}/#` matches; null: everything. */
export function inTenant(tenant: string | null): (topic: string) => boolean {
  if (tenant === null) return yes
  const prefix = `${tenant}/`
  return (topic) => topic.startsWith(prefix) || topic === tenant
}

export const filtersOf = (grants: readonly Grant[], role: Grant['role']): string[] =>
  grants.flatMap((grant) => (grant.role === role && 'topic' in grant ? [grant.topic] : []))

export const namesOf = (grants: readonly Grant[], role: Grant['role']): string[] => [
  ...new Set(grants.flatMap((grant) => (grant.role === role && 'device' in grant ? [grant.device] : [])))
]
