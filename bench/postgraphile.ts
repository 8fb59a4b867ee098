/** Installs PostGraphile, and the Node that it asks for, into a folder of their own, and starts it. */

import type { ChildProcess } from 'node:child_process'
import { execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { query } from '../test/support/database.ts'
import { atEnd } from '../test/support/cleanup.ts'

const folder = new URL('postgraphile/', import.meta.url).pathname

/** The Node that all servers of a comparison run on. */
export const node = `${folder}node_modules/node/bin/node`

export function installPostgraphile(): string {
  const installed = `${folder}node_modules/postgraphile/package.json`
  if (!existsSync(installed) || !existsSync(node))
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder })
  return (JSON.parse(readFileSync(installed, 'utf8')) as { version: string }).version
}

/** What its users write to get decoded payloads, and topics by how they begin with the index that there is. */
const functions = `
  create function topic_state_value(state topic_state) returns json language sql stable as
    $$ select convert_from(state.payload, 'UTF8')::json $$;
  create function topics_like(pattern text) returns setof topics language sql stable as
    $$ select * from topics where left(name, 200) like pattern order by id $$`

export async function startPostgraphile(
  databaseUrl: string,
  connections: number
): Promise<{ child: ChildProcess; port: number }> {
  await query(databaseUrl, functions)
  const child = fork(`${folder}server.mjs`, [databaseUrl, String(connections)], {
    execPath: node,
    execArgv: [],
    env: { ...process.env, GRAPHILE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  atEnd(() => child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}
