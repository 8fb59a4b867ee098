/** Protobuf: a file that describes messages, and payloads read by it. Pure. */

import protobuf from 'protobufjs'
import 'protobufjs/ext/descriptor.js'
import type { BinaryDocument } from './binary-document.ts'
import { UnreadableError, depthMax } from './binary-document.ts'
import { hashOf } from './hash.ts'
import { toMessage } from './protobuf-values.ts'

export interface ProtobufSchema {
  /** SHA-256 of what it says: another hash, another meaning. */
  hash: string
  /** Throws UnreadableError. */
  read(payload: Uint8Array, bytesMax: number): BinaryDocument
}

export interface SchemaFile {
  /** Full names of its messages. */
  types: readonly string[]
  /** `defaults`: fields of proto3 that are not sent have their default, as they have for the device. */
  schema(type: string, defaults: boolean): ProtobufSchema
}

/** Throws an Error that says what is wrong. */
export function readSchemaFile(content: Uint8Array, path: string): SchemaFile {
  const root = path.endsWith('.proto')
    ? readText(Buffer.from(content).toString('utf8'))
    : protobuf.Root.fromDescriptor(Uint8Array.from(content), { keepCase: true })
  root.resolveAll()
  return {
    types: typesOf(root),
    schema(name, defaults) {
      const type = root.lookupType(name)
      return {
        hash: hashOf([Buffer.from(content).toString('base64'), name, defaults]),
        read: (payload, bytesMax) => read(type, payload, bytesMax, defaults)
      }
    }
  }
}

export class ImportError extends Error {}

function readText(text: string): protobuf.Root {
  const { root, imports = [] } = protobuf.parse(text, new protobuf.Root(), { keepCase: true })
  for (const name of imports) {
    const known = protobuf.common.get(name)
    if (known?.nested === undefined) throw new ImportError(`it imports ${name}`)
    root.addJSON(known.nested)
  }
  return root
}

const typesOf = (namespace: protobuf.NamespaceBase): string[] =>
  namespace.nestedArray.flatMap((nested) => [
    ...(nested instanceof protobuf.Type ? [nested.fullName.slice(1)] : []),
    ...(nested instanceof protobuf.Namespace ? typesOf(nested) : [])
  ])

function read(type: protobuf.Type, payload: Uint8Array, bytesMax: number, defaults: boolean): BinaryDocument {
  if (payload.length > bytesMax)
    throw new UnreadableError('value_too_large', `Protobuf of more than ${bytesMax} bytes`)
  try {
    return { value: toMessage(type.decode(payload), type, defaults), duplicates: false }
  } catch (error) {
    const { message } = error as Error
    if (message === 'max depth exceeded')
      throw new UnreadableError('too_deep', `Protobuf nested deeper than ${depthMax} levels`)
    throw new UnreadableError('malformed_binary', `Not a ${type.fullName.slice(1)}: ${message}`)
  }
}
