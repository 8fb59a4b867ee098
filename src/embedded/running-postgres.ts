/** Finds the embedded Postgres of a service that is running, for who wants to come to its data meanwhile. */

import * as fs from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { database, superuser } from './postgres-cluster.ts'
import { isAlive } from './postgres-process.ts'

/** URL of the database; null: none is running there. */
export async function findEmbeddedPostgres(dataDir: string): Promise<string | null> {
  const cluster = join(resolve(dataDir), 'postgres')
  const read = (path: string): Promise<string> => fs.readFile(join(cluster, path), 'utf8').catch(() => '')
  // Lines by Postgres' pidfile.h: process, directory, start, port, sockets, address, shared memory, status
  const [pid, , , port, , , , status] = (await read('data/postmaster.pid')).split('\n')
  const password = (await read('password')).trim()
  if (!isAlive(Number(pid)) || status?.trim() !== 'ready' || password === '') return null
  return `postgres://${superuser}:${password}@127.0.0.1:${Number(port)}/${database}`
}
