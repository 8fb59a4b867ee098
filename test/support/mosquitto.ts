/** A real Mosquitto on a free port of loopback. Its absence fails the test: it never skips. */

import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RealBroker } from './broker-process.ts'
import { brokerProcess } from './broker-process.ts'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'

export interface Mosquitto extends RealBroker {
  wsUrl: string
  /**
   * Makes it write down all that it knows (SIGUSR1). It acknowledges first and saves later, also with
   * `autosave_on_changes true`, so that a crash between the two loses and repeats what nobody else is to blame for.
   */
  save(): Promise<void>
  /** Ends it in order: it writes down all that it knows; `start` brings it back. */
  shutDown(): Promise<void>
}

/**
 * Below those that systems give to connections that go out (from 32768 on Linux, 49152 elsewhere): none of these takes it
 * before a server does, or while one is down. Anywhere in between, since other tests look for one, too.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 32_000)
    const server = createServer().listen(port, '127.0.0.1')
    const free = await once(server, 'listening').then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') return false
        throw error
      }
    )
    if (!free) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

export async function startMosquitto(extra: readonly string[] = []): Promise<Mosquitto> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(extra)
    } catch (error) {
      // Between the look and the listening another one may take the port
      if (attempt === 5 || !/listener on port|already in use/i.test(String(error))) throw error
    }
  }
}

async function startOnce(extra: readonly string[]): Promise<Mosquitto> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-mosquitto-'))
  const [port, wsPort] = [await freePort(), await freePort()]
  const configuration = [
    'per_listener_settings false',
    'allow_anonymous true',
    'user root',
    `listener ${port} 127.0.0.1`,
    `listener ${wsPort} 127.0.0.1`,
    'protocol websockets',
    'persistence true',
    `persistence_location ${directory}/`,
    'autosave_interval 1',
    'autosave_on_changes false',
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'max_packet_size 20000000',
    'log_type error',
    ...extra
  ]
  const file = join(directory, 'mosquitto.conf')
  await writeFile(file, `${configuration.join('\n')}\n`)
  const url = `mqtt://127.0.0.1:${port}`
  const server = brokerProcess({ name: 'Mosquitto', command: 'mosquitto', arguments: ['-c', file], url })
  const mosquitto: Mosquitto = {
    url,
    wsUrl: `ws://127.0.0.1:${wsPort}`,
    port,
    kill: () => server.end('SIGKILL'),
    start: () => server.start(),
    async save() {
      const saved = join(directory, 'mosquitto.db')
      // A file of its own, renamed when it is whole
      const written = async (): Promise<number> => (await stat(saved).catch(() => ({ ino: 0 }))).ino
      const before = await written()
      server.signal('SIGUSR1')
      await eventually(async () => (await written()) !== before, { what: 'Mosquitto has saved' })
    },
    shutDown: () => server.end('SIGTERM'),
    async stop() {
      await server.end('SIGTERM')
      await rm(directory, { recursive: true, force: true })
    }
  }
  try {
    await mosquitto.start()
  } catch (error) {
    await mosquitto.stop()
    throw error
  }
  atEnd(() => mosquitto.stop())
  return mosquitto
}

export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
