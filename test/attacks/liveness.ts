/**
 * Whether the service says that it lives, all the time that it is attacked. A bare server in a process of its own is asked in
 * the same run by the same prober: by what its slowest answer takes more than 10 ms, the machine was busy (with the tool, which
 * an attacker runs elsewhere), and so much is taken from the slowest answer of the service. Tools run under `nice -n 19` for
 * the same reason: they do not have our cores.
 */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { atEnd } from '../support/cleanup.ts'
import type { Seen } from './prober.ts'

export const livenessMsMax = 100
const bareMsUsual = 10

export interface Liveness {
  asked: number
  failed: number
  /** As it was measured, in milliseconds. */
  slowestMs: number
  bareSlowestMs: number
}

export async function watchLiveness(url: string): Promise<{ end(): Promise<Liveness> }> {
  const bare = start('bare.ts')
  const [port] = (await once(bare, 'message')) as [number]
  const prober = start('prober.ts', [`${url}/livez`, `http://127.0.0.1:${port}/`])
  await once(prober, 'message')
  return {
    async end() {
      const told = once(prober, 'message') as Promise<[[Seen, Seen]]>
      prober.send('end')
      const [[service, machine]] = await told
      bare.disconnect()
      assert.equal(machine.failed, 0, 'the bare server answers; if not, the machine is not fit for this test')
      return {
        asked: service.asked,
        failed: service.failed,
        slowestMs: Math.round(service.largestMs),
        bareSlowestMs: Math.round(machine.largestMs)
      }
    }
  }
}

export const withoutMachine = ({ slowestMs, bareSlowestMs }: Liveness): number =>
  slowestMs - Math.max(0, bareSlowestMs - bareMsUsual)

function start(file: string, args: string[] = []): ChildProcess {
  const child = fork(new URL(file, import.meta.url), args, { execArgv: ['--import', 'tsx'] })
  atEnd(() => child.kill('SIGKILL'))
  return child
}
