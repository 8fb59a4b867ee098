/** Runs a tool of Debian for a bounded time, and makes what it said the same for everyone. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { hostname } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import { promisify } from 'node:util'
import { atEnd } from '../support/cleanup.ts'

export interface Said {
  text: string
  /** It was stopped for its time was over. */
  cutOff: boolean
}

/** Version of a Debian package. @throws {Error} it is not there; says what to install. */
export async function versionOf(name: string): Promise<string> {
  const asked = promisify(execFile)('dpkg-query', ['-W', '-f', '${Version}', name])
  const { stdout } = await asked.catch(() => ({ stdout: '' }))
  if (stdout === '') throw new Error(`${name} is not there: apt-get install ${name}`)
  return stdout
}

/** @param seconds after which it is told to end, with all that it started */
export async function runTool(command: string, args: readonly string[], seconds: number): Promise<Said> {
  const child = spawn('nice', ['-n', '19', command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group, since testssl is a shell that starts others
    detached: true
  })
  const stop = (): void => {
    try {
      process.kill(-child.pid!, 'SIGKILL')
    } catch {
      // It has ended
    }
  }
  atEnd(stop)
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (text += data.toString()))
  let cutOff = false
  const timer = setTimeout(() => {
    cutOff = true
    stop()
  }, seconds * 1_000)
  await once(child, 'close')
  clearTimeout(timer)
  return { text, cutOff }
}

/** Without colors, and without what is of one run or one machine: dates, times, paths, its name, ports. */
export function cleaned(text: string, secrets: readonly string[]): string {
  let clean = stripVTControlCharacters(text).replaceAll('\r', '\n')
  for (const secret of secrets) clean = clean.replaceAll(secret, '…')
  return `${clean
    .replaceAll(hostname(), 'HOST')
    .replaceAll(/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s+\w{3}\s+\d+ [\d:]{8} \d{4}:?/g, 'DATE')
    .replaceAll(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replaceAll(/\b\d\d:\d\d(?::\d\d)?\b/g, 'TIME')
    .replaceAll(/(localhost|127\.0\.0\.\d+):\d+/g, '$1:PORT')
    .replaceAll(/(?:\/(?:tmp|usr|root|home|work|var|etc)\/[\w.@+/-]*)/g, 'PATH')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line, at, lines) => line !== '' || lines[at - 1] !== '')
    .join('\n')
    .trim()}\n`
}
