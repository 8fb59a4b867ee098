/** Programs that end when we do, however we end. */

import { spawn, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Runner, Site } from './postgres-site.ts'
import { windows } from './postgres-site.ts'

export interface Supervised {
  pid: number
  /** Exit code of the program; null when it was the watchdog that somebody killed. */
  exited: Promise<number | null>
  /** Once true, `pid` is never signalled again: the number may be another's by then. */
  hasEnded: () => boolean
}

/**
 * Runs "$@" and outlives us for a moment: when this process dies, however it dies, the kernel closes the pipe
 * on stdin, `read` ends, and the program gets the SIGINT that is a fast shutdown to Postgres. It leads a
 * session of its own, so that a Ctrl-C in the terminal reaches neither it nor Postgres before we ask.
 */
const watchdog = `
trap '' HUP INT TERM
export LC_ALL=C
exec 4<&0
"$@" </dev/null >&2 4<&- & program=$!
echo $program
( read -r _ <&4
  kill -INT $program
  seconds=0
  while [ $seconds -lt 30 ]; do sleep 1; seconds=$((seconds + 1)); done
  kill -QUIT $program
) & watch=$!
exec 4<&-
wait $program
code=$?
kill -KILL $watch
wait $watch
exit $code
`

/** Starts a program under the watchdog, its output going to the log file. */
export async function supervise(
  { runner, logFile }: Site,
  command: string,
  args: string[]
): Promise<Supervised> {
  const log = openSync(logFile, 'a', 0o600)
  const shell = ['/bin/sh', '-c', watchdog, 'rialto-watchdog', ...runner.prefix]
  const [file = command, ...rest] = [...(windows ? [] : shell), command, ...args]
  const stdio: SpawnOptions['stdio'] = ['pipe', windows ? log : 'pipe', log]
  const child = spawn(file, rest, { stdio, cwd: '/', detached: !windows, windowsHide: true, ...runner.as })
  closeSync(log)
  let code: number | null | undefined
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', resolve)
    child.once('error', () => resolve(null))
  }).then((value) => (code = value))
  child.stdin?.on('error', () => {}) // closed by the other side: `exited` tells
  const started = child.stdout ? Promise.race([firstLine(child.stdout), exited.then(() => 0)]) : child.pid
  const pid = (await started) ?? 0
  const hasEnded = (): boolean => typeof code === 'number' || (code === null && !isAlive(pid))
  return { pid, exited, hasEnded }
}

const firstLine = async (stream: NodeJS.ReadableStream): Promise<number> => {
  const [chunk] = (await once(stream, 'data')) as [Buffer]
  return Number(chunk.toString())
}

/** Runs a short command to its end; one that cannot be started has the code null. */
export async function run({ prefix, as }: Runner, command: string, args: string[], input = '') {
  const [file = command, ...rest] = [...prefix, command, ...args]
  const child = spawn(file, rest, { cwd: '/', windowsHide: true, ...as })
  let output = ''
  const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-8_192))
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.stdin.on('error', () => {}).end(input)
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Fast, then immediate, then by force: Postgres survives each of them, the later ones by recovery. */
export async function end(site: Site, { pid, hasEnded }: Supervised): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded()) return
    await sendSignal(site, pid, signal)
    const deadline = Date.now() + site.limits.stopMsMax
    while (Date.now() < deadline) {
      if (hasEnded()) return
      await sleep(10)
    }
    site.log.warn({ signal, pid }, 'The embedded Postgres takes long to stop')
  }
}

async function sendSignal({ runner, binaries }: Site, pid: number, signal: NodeJS.Signals): Promise<void> {
  if (windows) await run(runner, binaries.pg_ctl, ['kill', signal.slice('SIG'.length), String(pid)])
  else if (isAlive(pid)) process.kill(pid, signal)
}
