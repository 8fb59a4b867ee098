/** Records of SenML (RFC 8428) resolved: names whole, times and values with their bases. Pure. */

import { toInteger } from '../../normalize/binary-document.ts'
import { isMembers } from '../../normalize/select.ts'

export interface ResolvedRecord {
  baseName: string
  /** What stands behind the base name. */
  name: string
  unit: string | null
  /** Seconds; 0 where nothing is told. */
  time: number
  /** undefined: the record has none, and a sum instead. */
  value: number | bigint | string | boolean | Uint8Array | undefined
  sum: number | bigint | null
}

export interface Pack {
  records: ResolvedRecord[]
  /** What is wrong with one record, which is left out, or with all of them, and then there are none. */
  faults: string[]
}

/** RFC 8428 section 4.4: this is version 10. */
const versionMax = 10

/** Section 6, table 4: labels of CBOR; JSON has the names. */
const labels = new Map([
  ['-1', 'bver'],
  ['-2', 'bn'],
  ['-3', 'bt'],
  ['-4', 'bu'],
  ['-5', 'bv'],
  ['-6', 'bs'],
  ['0', 'n'],
  ['1', 'u'],
  ['2', 'v'],
  ['3', 'vs'],
  ['4', 'vb'],
  ['5', 's'],
  ['6', 't'],
  ['7', 'ut'],
  ['8', 'vd']
])
const known = new Set(labels.values())

/** Types that the fields have; a data value is bytes in CBOR and base64url in JSON. */
const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))
const isText = (value: unknown): value is string => typeof value === 'string'
const numeric = [isNumber, 'a number'] as const
const text = [isText, 'text'] as const
const types = new Map<string, readonly [fits: (value: unknown) => boolean, name: string]>([
  ...['bn', 'bu', 'n', 'u', 'vs'].map((name) => [name, text] as const),
  ...['bver', 'bt', 'bv', 'bs', 'v', 's', 't', 'ut'].map((name) => [name, numeric] as const),
  ['vb', [(value) => typeof value === 'boolean', 'a boolean']],
  [
    'vd',
    [(value) => value instanceof Uint8Array || (isText(value) && /^[\w-]*={0,2}$/.test(value)), 'base64url']
  ]
])

const bases = ['bn', 'bt', 'bu', 'bv', 'bs']
/** Longer names are none of a device or a metric, and need not be put together. */
const nameCharsMax = 2_048

/** `recordsMax`: more are not looked at. */
export function resolve(items: readonly unknown[], isCbor: boolean, recordsMax: number): Pack {
  const records: ResolvedRecord[] = []
  const faults: string[] = []
  // Section 4.1: a base is that of its record and of all that follow, until there is another
  const base = new Map<string, unknown>()
  for (const [index, item] of items.entries()) {
    if (records.length >= recordsMax || faults.length >= recordsMax) break
    if (!isMembers(item)) {
      faults.push(`record ${index + 1} is no object`)
      continue
    }
    const fields = toFields(item, isCbor)
    // Section 4.4: a field that must be understood, and a version that is not known, end it all
    const foreign = [...fields.keys()].find((name) => !known.has(name) && name.endsWith('_'))
    if (foreign !== undefined)
      return {
        records: [],
        faults: [`record ${index + 1} has the field ${foreign.slice(0, 40)}, which must be understood`]
      }
    const version = fields.get('bver')
    if (isNumber(version) && version > versionMax)
      return { records: [], faults: [`it is of version ${version}; ${versionMax} is the last that is known`] }
    const wrong = [...fields].find(([name, value]) => types.get(name)?.[0](value) === false)
    if (wrong !== undefined) {
      faults.push(`record ${index + 1}: ${wrong[0]} is not ${types.get(wrong[0])![1]}`)
      // What follows would have a base that was to be another
      if (wrong[0].startsWith('b')) return { records, faults: [...faults, 'what follows was left out'] }
    }
    for (const name of bases) if (fields.has(name)) base.set(name, fields.get(name))
    if (wrong !== undefined) continue
    const record = toRecord(base, fields)
    if (typeof record === 'string') faults.push(`record ${index + 1} ${record}`)
    else if (record !== null) records.push(record)
  }
  return { records, faults }
}

function toFields(item: Record<string, unknown>, isCbor: boolean): Map<string, unknown> {
  const entries = Object.entries(item)
  return new Map(isCbor ? entries.map(([label, value]) => [labels.get(label) ?? label, value]) : entries)
}

const values = ['v', 'vs', 'vb', 'vd']
const fieldsOfRecords = ['n', 'u', 't', 'ut', 's', ...values]

/** null: it has bases only. */
function toRecord(
  base: ReadonlyMap<string, unknown>,
  fields: ReadonlyMap<string, unknown>
): ResolvedRecord | string | null {
  if (!fieldsOfRecords.some((name) => fields.has(name))) return null
  const [baseName, name] = [(base.get('bn') ?? '') as string, (fields.get('n') ?? '') as string]
  if (baseName.length + name.length > nameCharsMax) return 'has a name that is too long'
  const whole = baseName + name
  if (whole === '') return 'has no name'
  // Section 4.5.1
  if (!/^[A-Za-z0-9][-:./_A-Za-z0-9]*$/.test(whole)) return 'has a name with characters that no name has'
  const given = values.filter((field) => fields.has(field))
  // Section 4.2: exactly one value, or a sum without one; section 4.5.4: a base without a value is one
  if (given.length > 1) return `has ${given.length} values: ${given.join(', ')}`
  const field = given[0] ?? (base.has('bv') ? 'v' : undefined)
  const isSummed = fields.has('s') || (base.has('bs') && (field === undefined || field === 'v'))
  if (field === undefined && !isSummed) return 'has no value'
  return {
    baseName,
    name,
    unit: ((fields.get('u') ?? base.get('bu')) as string | undefined) ?? null,
    time: Number(base.get('bt') ?? 0) + Number(fields.get('t') ?? 0),
    value: toValue(fields, field, base.get('bv')),
    sum: isSummed ? add(fields.get('s'), base.get('bs')) : null
  }
}

function toValue(
  fields: ReadonlyMap<string, unknown>,
  field: string | undefined,
  baseValue: unknown
): ResolvedRecord['value'] {
  if (field === undefined) return undefined
  const value = fields.get(field)
  if (field === 'v') return add(value, baseValue)
  if (field === 'vd' && typeof value === 'string') return Uint8Array.from(Buffer.from(value, 'base64url'))
  return value as ResolvedRecord['value']
}

/** Section 4.5.4: what is missing is zero. Integers are added exactly. */
function add(value: unknown = 0, base: unknown = 0): number | bigint {
  if (base === 0) return value as number | bigint
  const exact = [value, base].every((one) => typeof one === 'bigint' || Number.isSafeInteger(one))
  return exact
    ? toInteger(BigInt(value as number) + BigInt(base as number))
    : Number(value as bigint) + Number(base as bigint)
}
