/** What entities are called: as a person would, and no two of a device alike. Pure. */

import { get } from '../shared-map.ts'
import type { SharedMap } from '../shared-map.ts'
import { nameOf } from './discovery.ts'
import type { EntityConfig } from './entity-config.ts'
import type { Entity } from './memory.ts'

/** `id` is of the topic, or of the component; `former` what it was called until now. */
export function chooseName(
  component: string,
  config: EntityConfig,
  id: string,
  used: SharedMap<Entity> | undefined,
  former: string | undefined
): string {
  const names = candidates(component, config, id)
  if (former !== undefined && names.includes(former) && get(used, former) === undefined) return former
  const free = names.find((name) => get(used, name) === undefined)
  if (free !== undefined) return free
  for (let number = 2; ; number++) {
    const name = `${names[0]} ${number}`
    if (get(used, name) === undefined) return name
  }
}

function candidates(component: string, config: EntityConfig, id: string): string[] {
  const { name, default_entity_id: entityId, object_id: objectId, type, subtype } = config
  const trigger = component === 'device_automation' ? `${String(type)} ${String(subtype)}` : undefined
  return [
    trigger,
    name,
    typeof entityId === 'string' ? entityId.replace(/^[a-z_]+\./, '') : undefined,
    objectId,
    config['device_class'],
    id,
    `${id} ${component}`,
    config['unique_id'],
    'entity'
  ]
    .map(nameOf)
    .filter((one) => one !== null)
}
