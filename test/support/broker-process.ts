/** A real broker as a process of its own, so that it can be killed. Its absence fails the test: it never skips. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import mqtt from 'mqtt'
import { eventually } from './eventually.ts'

export interface RealBroker {
  url: string
  port: number
  /** SIGKILL, as a crash; `start` brings it back with what it had saved. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Nothing of it is left: no process, no file. */
  stop(): Promise<void>
}

export interface BrokerProcess {
  start(): Promise<void>
  end(signal: NodeJS.Signals): Promise<void>
  /** A signal that it survives. */
  signal(signal: NodeJS.Signals): void
}

/** `start` resolves when a client gets its CONNACK: some accept connections long before. */
export function brokerProcess(options: {
  name: string
  command: string
  arguments: readonly string[]
  environment?: Record<string, string>
  url: string
}): BrokerProcess {
  const { name, command, url } = options
  let child: ChildProcess | null = null
  return {
    async start() {
      // Whatever ends the test, also SIGKILL, ends the broker
      const started = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...options.arguments], {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Debian keeps servers where only root's PATH looks
        env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin`, ...options.environment }
      })
      child = started
      let output = ''
      for (const stream of [started.stdout!, started.stderr!])
        stream.on('data', (data: Buffer) => (output = (output + data.toString()).slice(-10_000)))
      const failed = new Promise<never>((_, reject) => {
        started.once('error', reject)
        started.once('exit', (code, signal) => {
          const missing = code === 127 ? ', is it installed?' : ''
          reject(new Error(`${name} ended with ${code ?? signal}${missing}\n${output}`))
        })
      })
      failed.catch(() => {})
      await Promise.race([
        failed,
        eventually(() => answers(url), {
          what: `${name} takes connections`,
          withinMs: 120_000,
          everyMs: 50
        })
      ])
    },
    signal: (signal) => void child?.kill(signal),
    async end(signal) {
      const ending = child
      child = null
      if (ending === null || ending.pid === undefined) return
      if (ending.exitCode !== null || ending.signalCode !== null) return
      const ended = once(ending, 'exit')
      ending.kill(signal)
      await ended
    }
  }
}

async function answers(url: string): Promise<boolean> {
  const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5_000 })
  await client.endAsync(true)
  return true
}
