/** `$description`: what a device has, and what its properties are. What is not as the convention says is left out. Pure. */

import { defaultLimits } from '../../limits.ts'
import { quote } from '../../normalize/names.ts'
import type { Facts } from '../facts.ts'
import { isObject } from '../facts.ts'
import { emptyMap, set } from '../shared-map.ts'
import type { SharedMap } from '../shared-map.ts'
import { isId } from './checks.ts'
import { datatypes } from './literals.ts'
import type { Datatype } from './literals.ts'
import type { Property } from './memory.ts'
import { parseRange } from './range.ts'

/** Of one device; those behind are left out. */
const { homiePropertiesMax: propertiesMax } = defaultLimits

export interface Description {
  root?: string
  properties: SharedMap<Property>
  /** Known of the device beside its properties; null: not said. */
  attributes: Record<string, unknown>
}

/** Undefined: it is none, and `facts` say why. */
export function readDescription(document: Record<string, unknown>, facts: Facts): Description | undefined {
  const { homie, version, root } = document
  if (typeof homie !== 'string' || !/^5\.\d+$/.test(homie)) {
    facts.reject('wrong_shape', `$description: homie is ${quote(homie)}, and should be "5.0" or a later 5.x`)
    return undefined
  }
  if (!Number.isInteger(version))
    facts.reject('wrong_shape', `$description: version is ${quote(version)}, and should be an integer`)
  if (root !== undefined && !isId(root))
    facts.reject('wrong_shape', `$description: root is ${quote(root)}, which is no ID of a device`)
  return {
    ...(isId(root) && { root }),
    properties: readNodes(document['nodes'], facts),
    attributes: Object.fromEntries(told.map((name) => [name, document[name] ?? null]))
  }
}

const told = [
  'name',
  'type',
  'homie',
  'version',
  'root',
  'parent',
  'children',
  'extensions',
  'nodes'
] as const

function readNodes(nodes: unknown, facts: Facts): SharedMap<Property> {
  let properties: SharedMap<Property> = emptyMap
  let count = 0
  for (const [node, { properties: described }] of members(nodes, 'nodes', facts))
    for (const [name, property] of members(described, `properties of ${node}`, facts)) {
      const path = `${node}/${name}`
      const read = readProperty(property)
      if (typeof read === 'string') {
        facts.reject('wrong_shape', `$description: ${path} ${read}; the property is left out`)
      } else if (++count > propertiesMax) {
        facts.reject('state_too_large', `$description: more than ${propertiesMax} properties`)
        return properties
      } else properties = set(properties, path, read)
    }
  return properties
}

/** Objects by their IDs; section Forward compatibility: what is illegal is ignored as a whole. */
function* members(
  objects: unknown,
  what: string,
  facts: Facts
): Generator<[string, Record<string, unknown>]> {
  if (objects === undefined) return
  if (!isObject(objects)) {
    facts.reject('wrong_shape', `$description: the ${what} are ${quote(objects)}, and should be an object`)
    return
  }
  for (const [id, member] of Object.entries(objects))
    if (isId(id) && isObject(member)) yield [id, member]
    else
      facts.reject(
        'wrong_shape',
        isId(id)
          ? `$description: ${id} in the ${what} is no object`
          : `$description: ${quote(id)} in the ${what} is no ID: those have a to z, 0 to 9 and -`
      )
}

/** A text: why it is none. */
function readProperty(property: Record<string, unknown>): Property | string {
  const { datatype, format, unit, settable, retained } = property
  if (!datatypes.includes(datatype as Datatype)) return `has the datatype ${quote(datatype)}, which is none`
  if (format !== undefined && typeof format !== 'string') return 'has a format that is no text'
  if (unit !== undefined && typeof unit !== 'string') return 'has a unit that is no text'
  for (const flag of [settable, retained])
    if (flag !== undefined && typeof flag !== 'boolean')
      return 'has a settable or retained that is neither true nor false'
  const kind = datatype as Datatype
  const fault = formatFault(kind, format)
  if (fault !== null) return fault
  return {
    datatype: kind,
    // The format of the others tells nothing of what is legal
    ...(format !== undefined && format !== '' && restricting.has(kind) && { format }),
    ...(unit !== undefined && unit !== '' && { unit }),
    ...(settable === true && { settable }),
    ...(retained === false && { event: true as const })
  }
}

const restricting: ReadonlySet<Datatype> = new Set(['integer', 'float', 'enum', 'color'])

/** Section Formats. */
function formatFault(datatype: Datatype, format = ''): string | null {
  switch (datatype) {
    case 'enum': {
      const values = format.split(',')
      return values.includes('') || new Set(values).size < values.length
        ? `is an enum, and its format ${quote(format)} is no list of different values`
        : null
    }
    case 'color':
      return format.split(',').every((kind) => ['rgb', 'hsv', 'xyz'].includes(kind))
        ? null
        : `is a color, and its format ${quote(format)} is no list of rgb, hsv and xyz`
    case 'integer':
    case 'float':
      return format === '' || parseRange(datatype, format) !== null
        ? null
        : `has the format ${quote(format)}, which is no [min]:[max][:step]`
    default:
      return null
  }
}
