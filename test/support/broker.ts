/** The embedded broker, for tests that need only Node. */

import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedBroker } from '../../src/embedded/broker.ts'
import { atEnd } from './cleanup.ts'
import { silent } from './database.ts'

export interface TestBroker {
  url: string
  wsUrl: string
  port: number
  stop(): Promise<void>
}

const open = new Set<string>()

/** Of those that are started here, whatever a client sends as its password is taken. */
export const asksForNoPassword = (url: string): boolean => open.has(url)

/** On any free port, or where `before` was. */
export async function startBroker(before?: TestBroker): Promise<TestBroker> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rialto-broker-'))
  const broker = await startEmbeddedBroker({ dataDir, port: before?.port ?? 0, wsPort: 0, log: silent })
  let stopped = false
  const stop = async (): Promise<void> => {
    if (!stopped) await broker.stop()
    stopped = true
  }
  atEnd(stop)
  open.add(broker.url)
  return { url: broker.url, wsUrl: broker.wsUrl, port: broker.port, stop }
}
