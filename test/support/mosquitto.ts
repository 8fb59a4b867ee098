/** A real Mosquitto on a free port of loopback. Its absence fails the test: it never skips. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'

export interface Mosquitto {
  url: string
  wsUrl: string
  port: number
  /** SIGKILL, as a crash; `start` brings it back with what it had saved. */
  kill(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export async function startMosquitto(extra: readonly string[] = []): Promise<Mosquitto> {
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
  let child: ChildProcess | null = null

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === null || child.exitCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
    child = null
  }

  const mosquitto: Mosquitto = {
    url: `mqtt://127.0.0.1:${port}`,
    wsUrl: `ws://127.0.0.1:${wsPort}`,
    port,
    kill: () => end('SIGKILL'),
    async start() {
      const started = spawn('mosquitto', ['-c', file], {
        stdio: 'ignore',
        env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` }
      })
      child = started
      const failed = new Promise<never>((_, reject) => {
        started.once('error', (error) => reject(new Error('Mosquitto is not installed', { cause: error })))
        started.once('exit', (code) => reject(new Error(`Mosquitto ended with ${code}`)))
      })
      failed.catch(() => {})
      await Promise.race([failed, eventually(() => accepts(port), { what: 'Mosquitto accepts connections' })])
    },
    async stop() {
      await end('SIGTERM')
      await rm(directory, { recursive: true, force: true })
    }
  }
  atEnd(() => mosquitto.stop())
  await mosquitto.start()
  return mosquitto
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
