/** Looks into another process of Node by its inspector (Chrome DevTools protocol). It was started with `inspected`. */

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'

/** In the environment of a process that is to be looked into. */
export const inspected = { NODE_OPTIONS: '--inspect=127.0.0.1:0' }

export interface Inspector {
  /** What is reachable: its heap, and buffers outside of it. */
  memoryBytes(): Promise<number>
  close(): void
}

/** `output`: what the process printed; its address is there. */
export async function openInspector(output: () => string): Promise<Inspector> {
  const url = await eventually(() => /Debugger listening on (ws:\S+)/.exec(output())?.[1], {
    what: 'the address of the inspector'
  })
  const socket = new WebSocket(url)
  atEnd(() => socket.terminate())
  await once(socket, 'open')
  let last = 0

  async function call(method: string, params: object = {}): Promise<{ result?: { value?: unknown } }> {
    const id = ++last
    socket.send(JSON.stringify({ id, method, params }))
    for (;;) {
      const [data] = (await once(socket, 'message')) as [Buffer]
      const answer = JSON.parse(String(data)) as { id?: number; result: { result?: { value?: unknown } } }
      if (answer.id === id) return answer.result
    }
  }

  return {
    async memoryBytes() {
      await call('HeapProfiler.collectGarbage')
      const { result } = await call('Runtime.evaluate', {
        expression: 'process.memoryUsage().heapUsed + process.memoryUsage().external'
      })
      return result!.value as number
    },
    close: () => socket.terminate()
  }
}
