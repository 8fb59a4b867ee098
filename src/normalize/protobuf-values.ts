/** Messages of Protobuf to values, much as its own JSON has them; but integers exact, and bytes as bytes. Pure. */

import protobuf from 'protobufjs'
import { toInteger, toRfc3339 } from './binary-document.ts'

type Fields = Record<string, unknown>

/** Fields that are not there are left out; with `defaults` those that cannot tell it have their default. */
export function toMessage(message: object, type: protobuf.Type, defaults: boolean): unknown {
  const wellKnown = wellKnowns[type.fullName]
  if (wellKnown !== undefined) return wellKnown(message as Fields, type)
  const members: Array<[string, unknown]> = []
  for (const field of type.fieldsArray) {
    const value = Object.hasOwn(message, field.name) ? (message as Fields)[field.name] : undefined
    if (field.map) {
      const map = toMap(value as Fields | undefined, field, defaults)
      if (map !== null) members.push([field.name, map])
    } else if (field.repeated) {
      const items = (value ?? []) as unknown[]
      if (items.length > 0) members.push([field.name, items.map((item) => toValue(item, field, defaults))])
    } else if (value !== undefined) members.push([field.name, toValue(value, field, defaults)])
    else if (defaults && !field.hasPresence && !(field.resolvedType instanceof protobuf.Type))
      members.push([field.name, toValue(field.typeDefault, field, defaults)])
  }
  // fromEntries makes own members, __proto__ among them
  return Object.fromEntries(members)
}

function toMap(map: Fields | undefined, field: protobuf.Field, defaults: boolean): unknown {
  const names = map === undefined ? [] : Object.keys(map)
  if (names.length === 0) return null
  const { keyType } = field as unknown as protobuf.MapField
  const isLong = keyType in protobuf.types.long
  const unsigned = keyType === 'uint64' || keyType === 'fixed64'
  return Object.fromEntries(
    names.map((name) => [
      isLong ? String(protobuf.util.longFromHash(name, unsigned)) : name,
      toValue(map![name], field, defaults)
    ])
  )
}

function toValue(value: unknown, field: protobuf.Field, defaults: boolean): unknown {
  const type = field.resolvedType
  if (type instanceof protobuf.Type) return toMessage(value as object, type, defaults)
  if (type instanceof protobuf.Enum) return type.valuesById[value as number] ?? value
  if (field.type === 'bytes') return Uint8Array.from(value as Uint8Array)
  // 64 bits come as two halves
  return typeof value === 'object' ? toInteger(BigInt(String(value))) : value
}

const own = (message: Fields, name: string): unknown =>
  Object.hasOwn(message, name) ? message[name] : undefined

/** The field that is set, of which there is one at most. */
const only = (message: Fields, type: protobuf.Type): protobuf.Field | undefined =>
  type.fieldsArray.find(({ name }) => Object.hasOwn(message, name))

/** As protobuf.dev/programming-guides/json has them, but a duration is its seconds. */
const wellKnowns: Record<string, (message: Fields, type: protobuf.Type) => unknown> = {
  '.google.protobuf.Timestamp': (message) => {
    const seconds = toInteger(BigInt(String(own(message, 'seconds') ?? 0)))
    const nanos = (own(message, 'nanos') ?? 0) as number
    return toRfc3339(seconds, nanos) ?? Number(seconds) + nanos / 1e9
  },
  '.google.protobuf.Duration': (message) =>
    Number(String(own(message, 'seconds') ?? 0)) + ((own(message, 'nanos') ?? 0) as number) / 1e9,
  '.google.protobuf.Struct': (message, type) =>
    toMap(own(message, 'fields') as Fields | undefined, type.fields['fields']!, false) ?? {},
  '.google.protobuf.ListValue': (message, type) =>
    ((own(message, 'values') ?? []) as unknown[]).map((item) => toValue(item, type.fields['values']!, false)),
  '.google.protobuf.Value': (message, type) => {
    const field = only(message, type)
    return field === undefined || field.id === 1 ? null : toValue(message[field.name], field, false)
  },
  '.google.protobuf.FieldMask': (message) => ((own(message, 'paths') ?? []) as string[]).join(','),
  ...Object.fromEntries(
    ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map((name) => [
      `.google.protobuf.${name}Value`,
      (message: Fields, type: protobuf.Type) => {
        const field = type.fields['value']!
        return toValue(own(message, 'value') ?? field.typeDefault, field, false)
      }
    ])
  )
}
