/** Reads a stream of server-sent events (WHATWG HTML, section 9.2). */

import { atEnd } from './cleanup.ts'
import { eventually } from './eventually.ts'

export interface SseEvent {
  id: string
  event: string
  // eslint-disable-next-line typescript/no-explicit-any
  data: any
}

export interface SseStream {
  status: number
  events: SseEvent[]
  /** Waits until an event of this type satisfies the test. */
  find(type: string, test?: (data: SseEvent['data']) => boolean): Promise<SseEvent>
  /** Resolves when it has ended, however it did. */
  ended: Promise<void>
  close(): void
}

export async function openSse(url: string, headers: Record<string, string> = {}): Promise<SseStream> {
  const abort = new AbortController()
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', ...headers },
    signal: abort.signal
  })
  const events: SseEvent[] = []
  const reading = (async () => {
    let parts: string[] = []
    const decoder = new TextDecoder()
    for await (const chunk of response.body!) {
      const text = decoder.decode(chunk, { stream: true })
      const joint = `${parts.at(-1)?.at(-1) ?? ''}${text}`
      parts.push(text)
      if (!joint.includes('\n\n')) continue // an event of 10 MB is joined once
      const blocks = parts.join('').split('\n\n')
      parts = [blocks.pop()!]
      for (const block of blocks) {
        const fields = new Map(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
        )
        if (fields.has('data')) {
          events.push({
            id: fields.get('id') ?? '',
            event: fields.get('event') ?? 'message',
            data: JSON.parse(fields.get('data')!)
          })
        }
      }
    }
  })()
  reading.catch(() => {}) // closed from here, or by the server
  atEnd(() => abort.abort())
  return {
    status: response.status,
    events,
    ended: reading.catch(() => {}),
    find: (type, test = () => true) =>
      eventually(() => events.find((event) => event.event === type && test(event.data)), {
        what: `an event ${type}`
      }),
    close: () => abort.abort()
  }
}
