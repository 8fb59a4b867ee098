/** Properties of metrics: the unit, the quality, and what else is known of them. Pure. */

import type { MetaData, Metric, PropertySet } from './payload.ts'
import { readProperties } from './values.ts'

/** The specification names no property for it; Ignition's is engUnit. */
const unitName = /^(eng(ineering)?[ _]?)?units?$/i

/** [tck-id-payloads-propertyset-quality-value-value] */
const qualities = new Map([
  [0, 'BAD'],
  [192, 'GOOD'],
  [500, 'STALE']
])

export function unitOf(properties: PropertySet | undefined): string | null {
  const at = properties?.keys.findIndex((key) => unitName.test(key)) ?? -1
  const unit = at === -1 ? undefined : properties!.values[at]?.stringValue
  return unit === undefined || unit === '' ? null : unit.slice(0, 1_024)
}

export function qualityOf(properties: PropertySet | undefined): string | null {
  const at = properties?.keys.indexOf('Quality') ?? -1
  const quality = at === -1 ? undefined : properties!.values[at]
  const code = quality?.intValue ?? quality?.longValue
  if (code !== undefined) return qualities.get(Number(code)) ?? `${code}`
  return quality?.stringValue ?? null
}

/** What else is known of a metric; null: nothing. A parameter of a template is one of its properties. */
export function describe({ properties, metadata, templateValue }: Metric): Record<string, unknown> | null {
  const told = [
    ...Object.entries(properties === undefined ? {} : readProperties(properties)),
    ...Object.entries(templateValue === undefined ? {} : readParameters(templateValue.parameters)),
    ...(metadata === undefined ? [] : metadataNames.map((name) => [name, metadata[name]] as const))
  ].filter(([name, value]) => value !== undefined && name !== 'Quality' && !unitName.test(name))
  return told.length === 0 ? null : Object.fromEntries(told)
}

const metadataNames: ReadonlyArray<keyof MetaData> = [
  'contentType',
  'fileName',
  'fileType',
  'size',
  'md5',
  'description'
]

const readParameters = (parameters: NonNullable<Metric['templateValue']>['parameters']): object =>
  readProperties({ keys: parameters.map(({ name = '' }) => name), values: parameters })
