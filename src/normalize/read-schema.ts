/** `schema` of a mapping: the file that describes its messages, and which of them it is; or a fault. */

import type { Entry } from './document-entry.ts'
import { suggest } from './mapping-faults.ts'
import { printable } from './names.ts'
import type { ProtobufSchema, SchemaFile } from './protobuf-schema.ts'
import { ImportError, readSchemaFile } from './protobuf-schema.ts'

const example = '{ file: ./sensors.proto, type: site.Reading }'

/** `files`: contents by their path as the document has it; an Error says why one cannot be read. */
export function readSchema(
  entry: Entry,
  files: ReadonlyMap<string, Uint8Array | Error>
): ProtobufSchema | null {
  const members = entry.map(['file', 'type', 'defaults'], example)
  if (members === null) return null
  const [filed, typed] = [members.get('file'), members.get('type')]
  if (filed === undefined) entry.fault('The schema has no file', `Write for instance ${example}`)
  if (typed === undefined) entry.fault('The schema has no type', `Write for instance ${example}`)
  const defaults = members.get('defaults')?.boolean() ?? false
  const path = filed?.text('./sensors.proto') ?? null
  const type = typed?.text('site.Reading') ?? null
  if (path === null) return null
  const file = readFile(filed!, path, files.get(path))
  if (file === null || type === null) return null
  if (file.types.includes(type)) return file.schema(type, defaults)
  return typed!.fault(`${path} has no message ${type}`, suggest(type, file.types))
}

function readFile(entry: Entry, path: string, content: Uint8Array | Error | undefined): SchemaFile | null {
  const why = (error: Error): string => printable(error.message).slice(0, 200)
  if (content === undefined || content instanceof Error)
    return entry.fault(
      `The file ${path} cannot be read: ${content === undefined ? 'it is not there' : why(content)}`,
      'Write a path beside rialto.yaml, such as ./sensors.proto'
    )
  try {
    return readSchemaFile(content, path)
  } catch (error) {
    return entry.fault(
      `The schema ${path} cannot be used: ${why(error as Error)}`,
      error instanceof ImportError
        ? 'Put all of it into one file: protoc --include_imports --descriptor_set_out=sensors.desc'
        : path.endsWith('.proto')
          ? 'Mend the file; protoc tells more'
          : 'Write it with protoc --include_imports --descriptor_set_out=sensors.desc; a file of text ends in .proto'
    )
  }
}
