/** As whom Postgres runs: it refuses to run as root. */

import * as fs from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './postgres-process.ts'
import type { Runner, Site } from './postgres-site.ts'

/** `nobody` has a name on every distribution, unlike 1000: initdb refuses to run as a user without one. */
const nobody = 65_534
const asNobodyInNamespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`]

/**
 * An ordinary user: as that user. Root on another's directory: as its owner, so that the owner can go on
 * without root. Root on its own directory: in a user namespace, where the same files and rights go by another
 * name; where namespaces are forbidden (most containers), as nobody, who is given the directory.
 */
export async function chooseRunner(home: string): Promise<Runner> {
  const self = process.getuid?.()
  if (self === undefined) return { prefix: [], as: {} } // Windows
  const { uid, gid } = self === 0 ? await fs.stat(home) : { uid: self, gid: 0 }
  const as = uid === self ? {} : { uid, gid }
  const hasName = (await run({ prefix: [], as }, 'id', ['-un'])).code === 0
  if (uid !== 0 && hasName) return { prefix: [], as }
  const inNamespace = { prefix: asNobodyInNamespace, as }
  if (process.platform === 'linux' && (await run(inNamespace, 'true', [])).code === 0) return inNamespace
  if (uid !== 0) return { prefix: [], as } // initdb will say what it misses
  const given = { prefix: [], as: { uid: nobody, gid: nobody } }
  await fs.chown(home, nobody, nobody)
  const reachable = (await run(given, '/bin/sh', ['-c', 'cd "$1"', 'sh', home])).code === 0
  if (!reachable) await fs.chown(home, 0, 0) // checkRuns will say why
  return given
}

/** Root gives `path` and all below it, itself last as the mark of completion, to whoever runs Postgres. */
export async function own({ runner }: Site, path: string): Promise<void> {
  const self = process.getuid?.()
  const { uid = self ?? 0, gid = self ?? 0 } = runner.as
  const stat = await fs.stat(path)
  if (self !== 0 || stat.uid === uid) return
  const below = stat.isDirectory() ? await fs.readdir(path, { recursive: true }) : []
  for (const entry of [...below, '.']) await fs.lchown(join(path, entry), uid, gid)
}
