/** Readers that go on from their last cursor whenever their connection ends, and ask again what was not answered. */

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { query } from '../support/database.ts'

const againMs = 50

export interface ResumingReader {
  /** Positions of what came, in the order in which it came. */
  seqs: number[]
  /** How often it went on elsewhere. */
  resumes: number
  /** What it was told instead of what it asked for. */
  faults: string[]
  ended: Promise<void>
}

function createReader(read: (reader: ResumingReader) => Promise<void>, signal: AbortSignal): ResumingReader {
  const reader: ResumingReader = { seqs: [], resumes: 0, faults: [], ended: Promise.resolve() }
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await read(reader)
      if (signal.aborted) return
      reader.resumes++
      await delay(againMs)
    }
  }
  reader.ended = run()
  return reader
}

/** Nobody is there while the session changes hands, as far as messages of QoS 0 go: of that a gap tells. */
const isFault = ({ type, gap }: { type: string; gap?: { cause: string } }): boolean =>
  type === 'skipped' || (type === 'gap' && gap!.cause !== 'absence')

/** Server-Sent Events of the ledger, from the earliest. */
export function streamAgain(url: string, signal: AbortSignal): ResumingReader {
  let lastId = ''
  return createReader(async (reader) => {
    try {
      const answer = await fetch(`${url}/v1/stream?filter=ledger/%23&after=earliest`, {
        signal,
        ...(lastId !== '' && { headers: { 'last-event-id': lastId } })
      })
      if (!answer.ok) {
        const text = await answer.text()
        if (answer.status !== 503) reader.faults.push(`${answer.status} ${text}`)
        return
      }
      let rest = ''
      for await (const text of answer.body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split('\n\n')
        rest = blocks.pop()!
        for (const block of blocks) {
          const data = /^data: (.*)$/m.exec(block)?.[1]
          if (data === undefined) continue
          const event = JSON.parse(data) as {
            type: string
            cursor: string
            message?: { seq: string }
            gap?: { cause: string }
          }
          if (event.type === 'message') reader.seqs.push(Number(event.message!.seq))
          else if (isFault(event)) reader.faults.push(data)
          lastId = event.cursor
        }
      }
    } catch {
      // Its connection ended; it goes on
    }
  }, signal)
}

/** The same by GraphQL over WebSocket. */
export function subscribeAgain(url: string, signal: AbortSignal): ResumingReader {
  let after = 'earliest'
  const document = `subscription ($after: String) {
    messages(filter: ["ledger/#"], after: $after) { cursor message { seq } }
  }`
  return createReader(async (reader) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    const end = (): void => socket.terminate()
    signal.addEventListener('abort', end, { once: true })
    socket.on('error', () => {}) // 'close' follows
    socket.on('open', () => socket.send(JSON.stringify({ type: 'connection_init' })))
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data))
      if (type === 'connection_ack')
        socket.send(
          JSON.stringify({ type: 'subscribe', id: '1', payload: { query: document, variables: { after } } })
        )
      else if (type === 'error') reader.faults.push(JSON.stringify(payload))
      else if (type === 'complete') socket.close()
      else if (type === 'next') {
        const { cursor, message } = payload.data.messages
        after = cursor
        reader.seqs.push(Number(message.seq))
      }
    })
    await once(socket, 'close')
    signal.removeEventListener('abort', end)
  }, signal)
}

/** How many of the ledger's messages each reader lacks, has twice or got in another order. */
export async function wrongOf(databaseUrl: string, { seqs }: ResumingReader): Promise<number> {
  const rows = await query<{ seq: string }>(
    databaseUrl,
    `select seq from journal j join topics t on t.id = j.topic_id where t.name like 'ledger/%' and kind = 1 order by seq`
  )
  const all = rows.map(({ seq }) => Number(seq))
  let wrong = Math.abs(all.length - seqs.length)
  for (const [at, seq] of all.entries()) if (seqs[at] !== seq) wrong++
  return wrong
}

export interface Asker {
  answered: number
  /** 503 and connections that ended, which were asked again. */
  retried: number
  faults: string[]
  /** From the first try to the answer. */
  msMax: number
  ended: Promise<void>
}

/** Asks for one thing after another; whatever is neither an answer nor to be tried again is a fault. */
export function askAlways(url: string, paths: readonly string[], signal: AbortSignal): Asker {
  const asker: Asker = { answered: 0, retried: 0, faults: [], msMax: 0, ended: Promise.resolve() }
  async function ask(path: string): Promise<void> {
    const begun = performance.now()
    while (!signal.aborted) {
      const status = await fetch(url + path, { signal: AbortSignal.timeout(10_000) })
        .then(async (answer) => {
          const text = await answer.text()
          if (!answer.ok && answer.status !== 503) asker.faults.push(`${path}: ${answer.status} ${text}`)
          return answer.status
        })
        .catch(() => null)
      if (status !== null && status !== 503) {
        asker.answered++
        asker.msMax = Math.max(asker.msMax, performance.now() - begun)
        return
      }
      asker.retried++
      await delay(againMs)
    }
  }
  asker.ended = (async () => {
    for (let turn = 0; !signal.aborted; turn++) {
      await ask(paths[turn % paths.length]!)
      await delay(20)
    }
  })()
  return asker
}
