/** Metrics of a message to datapoints, by what the birth said of them. Pure. */

import type { Role } from '../../datapoints.ts'
import { defaultLimits } from '../../limits.ts'
import type { Millis } from '../../model.ts'
import { stateBytes } from '../../normalize/state-bytes.ts'
import type { Facts } from '../facts.ts'
import { datatypes, isDatatype } from './datatypes.ts'
import { toMillis } from './node.ts'
import type { Integer, Metric, Payload } from './payload.ts'
import { describe, qualityOf, unitOf } from './properties.ts'
import { indexOf } from './tables.ts'
import type { Index, Known, Table } from './tables.ts'
import { ValueFault } from './value-fault.ts'
import { readValue } from './values.ts'

interface Telling {
  facts: Facts
  device: string
  index: Index | null
  /** Whether the table is of the session that the message is of. */
  aliases: boolean
  /** Whether the table has all metrics that there are. */
  whole: boolean
  told: number
  attributes: Map<string, unknown>
  attributeBytesLeft: number
  unknown: boolean
}

/** `table`: of the birth that came last, or null. True: there are metrics that it does not know, and should. */
export function tellMetrics(
  facts: Facts,
  device: string,
  payload: Payload,
  table: Table | null,
  aliases: boolean
): boolean {
  const telling: Telling = {
    facts,
    device,
    index: table === null ? null : indexOf(table),
    aliases,
    whole: table?.whole ?? true,
    told: 0,
    attributes: new Map(),
    attributeBytesLeft: defaultLimits.sparkplugPropertiesBytesMax,
    unknown: false
  }
  const at = timeOf(payload.timestamp, facts)
  for (const metric of payload.metrics) tellMetric(telling, metric, '', { at, role: 'state' })
  if (telling.attributes.size > 0) facts.attributes(device, Object.fromEntries(telling.attributes))
  return telling.unknown
}

/** What a metric has from what it is in. */
interface Around {
  at: Millis | null
  role: Role
}

function tellMetric(telling: Telling, metric: Metric, prefix: string, around: Around): void {
  // One more than are taken, so that it is known that there were more
  if (telling.told > defaultLimits.datapointsPerMessageMax) return
  const known = find(telling, metric, prefix)
  const name = known?.name ?? (metric.name === undefined || metric.name === '' ? null : prefix + metric.name)
  const told = isDatatype(metric.datatype) ? metric.datatype : (known?.datatype ?? null)
  if (name === null || (known === null && told === null)) return rejectUnknown(telling, metric, name)
  if (name.length > defaultLimits.nameBytesMax) return tellName(telling, name)
  if (known === null && telling.whole) telling.unknown = true
  const { facts } = telling
  const inner: Around = {
    at: timeOf(metric.timestamp, facts) ?? around.at,
    role: roleOf(metric, around.role)
  }
  describeMetric(telling, name, metric)
  const template = metric.templateValue
  if (template !== undefined && metric.isNull !== true) {
    if (template.isDefinition !== true)
      for (const member of template.metrics) tellMetric(telling, member, `${name}/`, inner)
    return
  }
  // A template that is null tells of no member
  if (told === datatypes.Template) return
  try {
    const value = metric.isNull === true ? null : readValue(told ?? 0, metric)
    tell(telling, name, value, metric, known, inner)
  } catch (error) {
    if (!(error instanceof ValueFault)) throw error
    facts.reject(error.reason, `${JSON.stringify(name)}: ${error.message}`)
    telling.told++
  }
}

/** By name, where there is one: later an alias may be all that comes [tck-id-payloads-alias-data-cmd-requirement]. */
function find({ index, aliases }: Telling, { name, alias }: Metric, prefix: string): Known | null {
  if (index === null) return null
  const named = name === undefined || name === '' ? undefined : index.byName.get(prefix + name)
  if (named !== undefined || (name !== undefined && name !== '')) return named ?? null
  return alias === undefined || !aliases ? null : (index.byAlias.get(alias) ?? null)
}

function rejectUnknown(telling: Telling, { alias }: Metric, name: string | null): void {
  if (telling.whole) telling.unknown = true
  telling.told++
  const { facts, device, index, aliases } = telling
  const metric =
    name === null
      ? alias === undefined
        ? 'A metric without name and alias'
        : `Alias ${alias}`
      : JSON.stringify(name)
  facts.reject(
    'wrong_shape',
    index === null || (name === null && !aliases)
      ? `${metric} cannot be read before the next birth of ${device}, which says its name and data type`
      : telling.whole
        ? `${metric} was not in the birth of ${device}`
        : `${metric} is not known: the birth of ${device} has more metrics than are remembered`
  )
}

function tellName({ facts }: Telling, name: string): void {
  facts.reject('invalid_metric', `The name of a metric has ${name.length} characters`)
}

function tell(
  telling: Telling,
  metric: string,
  value: unknown,
  { properties }: Metric,
  known: Known | null,
  { at, role }: Around
): void {
  const nan = typeof value === 'number' && !Number.isFinite(value)
  const quality = qualityOf(properties) ?? (nan ? `${value}` : null)
  const unit = unitOf(properties) ?? known?.unit ?? null
  telling.told++
  telling.facts.datapoint({
    device: telling.device,
    metric,
    value: nan ? null : (value as string),
    role,
    ...(at !== null && { observedAt: at }),
    ...(unit !== null && { unit }),
    ...(quality !== null && quality !== '' && { quality })
  })
}

/** is_transient asks historians not to keep it; the value is the current one all the same, so it is state. */
function roleOf({ isHistorical, metadata }: Metric, around: Role): Role {
  if (isHistorical === true) return 'historical'
  // A part of what comes in several messages is not the value
  return metadata?.isMultiPart === true ? 'event' : around
}

function describeMetric(telling: Telling, name: string, metric: Metric): void {
  const described = describe(metric)
  if (described === null) return
  telling.attributeBytesLeft -= stateBytes(described) + name.length
  if (telling.attributeBytesLeft >= 0) telling.attributes.set(name, described)
}

function timeOf(timestamp: Integer | undefined, facts: Facts): Millis | null {
  if (timestamp === undefined) return null
  const at = toMillis(timestamp)
  if (at === null) facts.reject('invalid_timestamp', `${timestamp} is no time in milliseconds since 1970`)
  return at
}
