/** Server-Sent Events as they arrive in pieces (HTML Living Standard, section 9.2.6). Pure. */

export interface ServerSentEvent {
  /** null: it has none, which leaves the last one standing. */
  id: string | null
  event: string
  data: string
}

export interface SseReader {
  /** The events that are whole with this piece. What is left of a stream that breaks off is dropped, as the standard says. */
  push(text: string): ServerSentEvent[]
  /** Of the last `retry` field; null: none came. */
  retryMs(): number | null
}

export function createSseReader(): SseReader {
  /** Pieces of a line that has not ended: an event of 10 MB is joined once. */
  let pieces: string[] = []
  let endsInCr = false
  let id: string | null = null
  let event = ''
  let data: string[] = []
  let retry: number | null = null

  function readLine(line: string, out: ServerSentEvent[]): void {
    if (line === '') {
      if (data.length > 0) out.push({ id, event: event === '' ? 'message' : event, data: data.join('\n') })
      id = null
      event = ''
      data = []
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) return // a comment
    const name = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (name === 'data') data.push(value)
    else if (name === 'event') event = value
    else if (name === 'id' && !value.includes('\0')) id = value
    else if (name === 'retry' && /^\d+$/.test(value)) retry = Number(value)
  }

  return {
    push(text) {
      const out: ServerSentEvent[] = []
      // A line ends with CR, LF, or both; both may come in two pieces
      let from = endsInCr && text.startsWith('\n') ? 1 : 0
      if (text !== '') endsInCr = text.endsWith('\r')
      for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) {
        if (index < from) continue
        pieces.push(text.slice(from, index))
        readLine(pieces.join(''), out)
        pieces = []
        from = index + end.length
      }
      if (from < text.length) pieces.push(text.slice(from))
      return out
    },
    retryMs: () => retry
  }
}
