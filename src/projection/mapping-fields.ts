/** The expressions of rialto.yaml by mapping, to say which one it was. Only reads what compiled before. */

import { parse } from 'yaml'

export interface NamedExpression {
  /** Where it stands: `value`, `each`, `metrics.temperature`. */
  at: string
  expression: string
}

export interface MappingFields {
  decoder: string | null
  value: string | null
  each: string | null
  device: string | null
  metric: string | null
  metrics: ReadonlyArray<{ name: string; value: string | null; type: string | null }>
  timestamp: { select: string; unit: string } | null
  type: string | null
  presence: { online: readonly string[]; offline: readonly string[] } | null
}

type Json = Record<string, unknown>
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
const selected = (value: unknown): string | null => (isObject(value) ? text(value['select']) : null)
const words = (value: unknown): string[] | null => (Array.isArray(value) ? value.map(String) : null)

/** What SPEC says where a mapping says nothing. */
const [onlineWords, offlineWords] = [
  ['online', 'Online', 'true', '1'],
  ['offline', 'Offline', 'false', '0']
]

export function readMappingFields(document: string): Map<string, MappingFields> {
  const root: unknown = parse(document)
  const mappings = isObject(root) && Array.isArray(root['mappings']) ? root['mappings'].filter(isObject) : []
  return new Map(mappings.map((mapping) => [String(mapping['name']), toFields(mapping)]))
}

function toFields(mapping: Json): MappingFields {
  const { timestamp, presence } = mapping
  const metrics = Array.isArray(mapping['metrics']) ? mapping['metrics'].filter(isObject) : []
  const select = selected(timestamp) ?? text(timestamp)
  return {
    decoder: text(mapping['decoder']),
    value: text(mapping['value']),
    each: text(mapping['each']),
    device: selected(mapping['device']),
    metric: selected(mapping['metric']),
    metrics: metrics.map((metric) => ({
      name: String(metric['name']),
      value: text(metric['value']),
      type: text(metric['type'])
    })),
    timestamp:
      select === null ? null : { select, unit: (isObject(timestamp) && text(timestamp['unit'])) || 'auto' },
    type: text(mapping['type']),
    presence:
      presence === undefined || presence === false
        ? null
        : {
            online: (isObject(presence) && words(presence['online'])) || onlineWords!,
            offline: (isObject(presence) && words(presence['offline'])) || offlineWords!
          }
  }
}

/** Expressions that are asked of the whole document, the outermost first. */
export function expressionsOf(fields: MappingFields): NamedExpression[] {
  const { each, value, device, metric, metrics } = fields
  const all: Array<[string, string | null]> =
    each !== null
      ? [['each', each]]
      : [
          ['value', value],
          ['device', device],
          ['metric', metric],
          ...metrics.map((one): [string, string | null] => [`metrics.${one.name}`, one.value])
        ]
  return all.flatMap(([at, expression]) => (expression === null ? [] : [{ at, expression }]))
}
