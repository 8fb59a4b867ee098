/**
 * Erlang's port mapper, in the foreground. A server that finds none starts one, as a daemon that outlives every server.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'
import { accepts, freePort } from './mosquitto.ts'

export async function epmd(): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort()
  const child = spawn(
    'setpriv',
    ['--pdeathsig', 'KILL', 'epmd', '-port', String(port), '-address', '127.0.0.1'],
    { stdio: 'ignore' }
  )
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`epmd ended with ${code}`)))
  })
  failed.catch(() => {})
  const stop = async (): Promise<void> => {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  atEnd(stop)
  await Promise.race([failed, eventually(() => accepts(port), { what: 'epmd accepts connections' })])
  return { port, stop }
}
