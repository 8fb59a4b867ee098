/** The built service with some of its lines changed: to take a safeguard away, or to make a limit small. */

import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Limits } from '../../src/limits.ts'
import { atEnd } from './cleanup.ts'

const root = new URL('../../', import.meta.url).pathname

export interface Patch {
  /** Below dist. */
  file: string
  /** Must be there, or the patch would prove nothing. */
  find: RegExp
  replace: string
}

/** Returns the path of its main.js. */
export async function patchedBuild(patches: readonly Patch[]): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-patched-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['dist', 'package.json', 'prisma/migrations'])
    await cp(join(root, name), join(directory, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'))
  for (const { file, find, replace } of patches) {
    const path = join(directory, 'dist', file)
    const text = await readFile(path, 'utf8')
    assert.match(text, find, `${file} has changed, so this patch has to follow`)
    await writeFile(path, text.replace(find, replace))
  }
  return join(directory, 'dist/main.js')
}

/** The built service with other limits. */
export const withLimits = (limits: Partial<Limits>): Promise<string> =>
  patchedBuild(
    Object.entries(limits).map(([name, value]) => ({
      file: 'limits.js',
      find: /\n\};/,
      replace: `,\n    ${name}: ${value}\n};`
    }))
  )
