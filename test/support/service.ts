/** The built service as a process of its own, so that it can be killed. */

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { canaries } from './canaries.ts'
import { capture } from './capture.ts'
import { atEnd } from './cleanup.ts'

const main = new URL('../../dist/main.js', import.meta.url).pathname

export interface Service {
  child: ChildProcess
  url: string
  /** From spawn to the banner. */
  startedInMs: number
  output: () => string
  kill(signal: NodeJS.Signals): Promise<number | null>
}

export async function startService(
  environment: Record<string, string>,
  options: {
    arguments?: string[]
    cwd?: string
    entry?: string
    /** Another Node than the one that runs this. */
    node?: string
    /** Before it has said anything. */
    onSpawn?: (child: ChildProcess) => void
  } = {}
): Promise<Service> {
  const started = performance.now()
  const child = spawn(
    options.node ?? process.execPath,
    [options.entry ?? main, ...(options.arguments ?? [])],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        PORT: '0',
        LOG_LEVEL: 'warn',
        ...seeded(environment),
        ...environment
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd !== undefined && { cwd: options.cwd })
    }
  )
  options.onSpawn?.(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => {
      output += data.toString()
      capture('terminal', data.toString())
    })
  atEnd(() => child.kill('SIGKILL'))
  await new Promise<void>((resolve, reject) => {
    const look = (): void => {
      if (output.includes('Ctrl-C stops everything')) resolve()
    }
    child.stdout.on('data', look)
    child.once('exit', (code, signal) =>
      reject(new Error(`The service ended with ${code ?? signal}:\n${output}`))
    )
  })
  return {
    child,
    url: bannerUrl(output, 'https?').replace(/\/v1.*/, ''),
    startedInMs: performance.now() - started,
    output: () => output,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const ended = once(child, 'exit') as Promise<[number | null]>
      child.kill(signal)
      return (await ended)[0]
    }
  }
}

/** Secrets that change nothing: whoever sends no key is let in as before, and the embedded broker asks for no password. */
function seeded(environment: Record<string, string>): Record<string, string> {
  const decides = ['RIALTO_API_KEY', 'RIALTO_ALLOW_ANONYMOUS', 'RIALTO_OIDC_ISSUER', 'HOST']
  return {
    ...(decides.every((name) => environment[name] === undefined) && {
      RIALTO_API_KEY: canaries.apiKey,
      RIALTO_ALLOW_ANONYMOUS: 'true'
    }),
    ...(environment['MQTT_URL'] === undefined && {
      MQTT_USERNAME: canaries.mqttUsername,
      MQTT_PASSWORD: canaries.mqttPassword
    })
  }
}

/** An address in what the service printed for people. */
export const bannerUrl = (output: string, scheme: string): string =>
  new RegExp(`${scheme}://\\S+`).exec(output.slice(output.indexOf(' is ready')))![0]
