/** What grants come to, for one topic or one device. Pure. */

import type { Grant, Rights } from '../grant.ts'
import type { Access } from '../model.ts'
import { compileFilter, compileFilters } from '../topic.ts'

export type CompiledRights = Pick<Access, 'mayRead' | 'mayPublish' | 'readsAll' | 'administers'> &
  Required<Pick<Access, 'mayReadDevice' | 'mayCommandDevice'>>

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

export function compileRights({ grants, tenant }: Rights): CompiledRights {
  if (tenant === null && grants.some(({ role }) => role === 'admin')) return allRights
  const inTenant = tenant === null ? yes : compileFilter(`${tenant}/#`)
  const topicsOf = (role: Grant['role']): ((topic: string) => boolean) => {
    const filters = grants.flatMap((grant) => (grant.role === role && 'topic' in grant ? grant.topic : []))
    const matches = filters.length === 0 ? no : compileFilters(filters)
    return (topic) => matches(topic) && inTenant(topic)
  }
  const devicesOf = (role: Grant['role']): ((device: string) => boolean) => {
    const devices = new Set(
      grants.flatMap((grant) => (grant.role === role && 'device' in grant ? grant.device : []))
    )
    return (device) => devices.has(device)
  }
  return {
    mayRead: topicsOf('read'),
    mayPublish: topicsOf('command'),
    mayReadDevice: devicesOf('read'),
    mayCommandDevice: devicesOf('command')
  }
}
