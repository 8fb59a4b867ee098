/** Metrics that a birth announced: name, data type, alias and unit of each. What later messages are read with. Pure. */

import { defaultLimits } from '../../limits.ts'
import { stateBytes } from '../../normalize/state-bytes.ts'
import { datatypes, isDatatype } from './datatypes.ts'
import type { Integer, Metric } from './payload.ts'
import { unitOf } from './properties.ts'

/** `text` is the unit, or of a template what it is an instance of; then its members follow. */
export type Entry = readonly [
  name: string,
  datatype: number,
  alias?: Integer | null,
  text?: string | null,
  members?: readonly Entry[]
]

export interface Table {
  metrics: readonly Entry[]
  /** False: there were more than there is room for. */
  whole: boolean
}

export interface Known {
  /** Of a member, `template/member`. */
  name: string
  datatype: number
  unit: string | null
  entry: Entry
  /** Templates that it is a member of, the outermost first. */
  within: readonly Entry[]
}

export interface Index {
  byName: ReadonlyMap<string, Known>
  byAlias: ReadonlyMap<Integer, Known>
}

const indexes = new WeakMap<Table, Index>()

/** Tables are shared by all states that have the same births, so that each is indexed once. */
export function indexOf(table: Table): Index {
  const known = indexes.get(table)
  if (known !== undefined) return known
  const [byName, byAlias] = [new Map<string, Known>(), new Map<Integer, Known>()]
  const add = (entries: readonly Entry[], prefix: string, within: readonly Entry[]): void => {
    for (const entry of entries) {
      const [name, datatype, alias = null, text = null, members] = entry
      const unit = members === undefined ? text : null
      const found = { name: prefix + name, datatype, unit, entry, within }
      byName.set(found.name, found)
      if (alias !== null) byAlias.set(alias, found)
      if (members !== undefined) add(members, `${prefix}${name}/`, [...within, entry])
    }
  }
  add(table.metrics, '', [])
  const index = { byName, byAlias }
  indexes.set(table, index)
  return index
}

/** `bytesMax`: what it may take. */
export function toTable(metrics: readonly Metric[], bytesMax: number): Table {
  const entries: Entry[] = []
  let left = bytesMax
  for (const metric of metrics) {
    const entry = toEntry(metric)
    if (entry === null) continue
    left -= stateBytes(entry)
    if (left < 0) return { metrics: entries, whole: false }
    entries.push(entry)
  }
  return { metrics: entries, whole: true }
}

/** A definition of a template has no value, and never will. */
function toEntry(metric: Metric): Entry | null {
  const { name = '', alias = null, templateValue: template } = metric
  if (name === '' || name.length > defaultLimits.nameBytesMax || template?.isDefinition === true) return null
  const datatype = isDatatype(metric.datatype) ? metric.datatype : 0
  if (datatype === datatypes.Template || template !== undefined) {
    const members = (template?.metrics ?? []).map(toEntry).filter((entry) => entry !== null)
    const ref = template?.templateRef?.slice(0, defaultLimits.nameBytesMax) ?? null
    return [name, datatypes.Template, alias, ref, members]
  }
  const unit = unitOf(metric.properties)
  if (unit !== null) return [name, datatype, alias, unit]
  return alias === null ? [name, datatype] : [name, datatype, alias]
}
