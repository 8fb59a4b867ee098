/** Reads rialto.yaml and the decoders it names. */

import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Limits } from '../limits.ts'
import { conventions } from '../conventions/conventions.ts'
import { compileMappings, filesOf, modulesOf, toDecoder } from '../normalize/compile-mappings.ts'
import type { Decoder } from '../normalize/decoder.ts'
import type { MappingSet } from '../normalize/mapping-set.ts'
import { MappingsError } from '../normalize/mapping-set.ts'

/** Throws MappingsError, and an error that names the file where it cannot be read. No file: no mappings. */
export async function loadMappings(
  file: string | null,
  limits: Limits,
  { optional = false } = {}
): Promise<MappingSet> {
  const bytes = file === null ? null : await read(file, optional)
  if (file === null || bytes === null)
    return compileMappings({ text: '', file: 'rialto.yaml' }, { limits, modules: new Map() })
  if (bytes.length > limits.mappingsBytesMax)
    throw onlyFault(file, `The file has ${bytes.length} bytes`, `At most ${limits.mappingsBytesMax} are read`)
  const text = bytes.toString('utf8')
  const modules = new Map<string, Decoder | Error>()
  for (const name of modulesOf(text)) modules.set(name, await loadDecoder(file, name))
  const files = new Map<string, Uint8Array | Error>()
  for (const name of filesOf(text, conventions)) files.set(name, await loadFile(file, name, limits))
  const set = compileMappings({ text, file }, { limits, modules, conventions, files })
  // However it says so, nothing is to be done
  return set.mappings.length === 0 ? loadMappings(null, limits) : set
}

/** Null: not there, and it need not be. */
async function read(file: string, optional: boolean): Promise<Buffer | null> {
  try {
    return await readFile(file)
  } catch (error) {
    if (optional && (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`Cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** An error is a fault of the line that names it. */
async function loadDecoder(file: string, name: string): Promise<Decoder | Error> {
  const path = resolve(dirname(file), name)
  try {
    const version = createHash('sha256')
      .update(await readFile(path))
      .digest('hex')
    // Another content is another URL, so that it is loaded again; what it imports itself is not
    return toDecoder(await import(`${pathToFileURL(path).href}?v=${version}`), version)
  } catch (error) {
    return error as Error
  }
}

/** A key, or a description of a format. An error is a fault of the line that names it. */
async function loadFile(
  file: string,
  name: string,
  { conventionFileBytesMax }: Limits
): Promise<Uint8Array | Error> {
  try {
    const content = await readFile(resolve(dirname(file), name))
    if (content.length <= conventionFileBytesMax) return content
    return new Error(`it has more than ${conventionFileBytesMax} bytes`)
  } catch (error) {
    return error as Error
  }
}

const onlyFault = (file: string, message: string, fix: string): MappingsError =>
  new MappingsError(file, [{ line: 1, column: 1, pointer: '', message, fix }])
