/** Files that options of conventions name: read beside rialto.yaml, bounded, and a fault of the line that names them. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { loadMappings } from '../../src/projection/mapping-file.ts'

const limits = { ...defaultLimits, conventionFileBytesMax: 100 }

async function load(keys: string | null): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-files-'))
  try {
    const file = join(directory, 'rialto.yaml')
    await writeFile(file, 'conventions:\n  - owntracks: { keys: ./keys.txt }\n')
    if (keys !== null) await writeFile(join(directory, 'keys.txt'), keys)
    return (await loadMappings(file, limits)).hash
  } finally {
    await rm(directory, { recursive: true })
  }
}

const faultOf = async (keys: string | null): Promise<string> => {
  try {
    await load(keys)
  } catch (error) {
    assert.ok(error instanceof MappingsError, String(error))
    const [fault] = error.faults
    assert.equal(fault!.line, 2)
    assert.equal(fault!.pointer, '/conventions/0/owntracks/keys')
    return fault!.message
  }
  throw new Error('there is no fault')
}

test('another content is another meaning', async () => {
  assert.equal(await load('*: secret\n'), await load('*: secret\n'))
  assert.notEqual(await load('*: secret\n'), await load('*: another\n'))
})

test('a file that is not there, or too large, is told where it is named', async () => {
  assert.match(await faultOf(null), /cannot be read: ENOENT/)
  assert.match(await faultOf(`*: secret\n${'#'.repeat(100)}\n`), /more than 100 bytes/)
})

test('no fault shows a secret', async () => {
  assert.doesNotMatch(await faultOf('user device hunter22\n'), /hunter22/)
})
