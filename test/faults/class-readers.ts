/** Readers of a service whose classes drop what they read: they note what they got, and what they were told. */

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { compileFilters } from '../../src/topic.ts'

export interface Got {
  topic: string
  number: number
}

export interface ClassReader {
  filters: readonly string[]
  /** By seq. */
  messages: Map<number, Got>
  skipped: Array<{ from: number; to: number; retentionClass: string }>
  /** Times that the cursor had expired. */
  expired: number
  /** It is here in the journal, or further. */
  reached: number
  /** Resolves when it has stopped; rejects where the service said what it must not. */
  ended: Promise<void>
  /** Of all that came, it got what it asked for, or was told that it would not. */
  check(all: ReadonlyMap<number, Got>): void
}

interface ReadAsk {
  url: string
  filters: readonly string[]
  signal: AbortSignal
}

interface MessageView {
  seq: string
  topic: string
  payloadText: string
}

function createReader(filters: readonly string[]) {
  /** Behind an expired cursor, whatever came before the next message that is kept may be missing. */
  const excused: Array<{ from: number; to: number }> = []
  const reader = {
    filters,
    messages: new Map<number, Got>(),
    skipped: [] as ClassReader['skipped'],
    expired: 0,
    reached: 0,
    excused,
    /** In order, and never twice. */
    take({ seq, topic, payloadText }: MessageView) {
      const at = Number(seq)
      assert.ok(at > reader.reached, `${seq} came behind ${reader.reached}`)
      reader.messages.set(at, { topic, number: Number.parseInt(payloadText, 10) })
      reader.reached = at
    },
    check(all: ReadonlyMap<number, Got>) {
      const matches = compileFilters(filters)
      const begin = Math.min(...reader.messages.keys())
      const holes = [...reader.skipped, ...excused]
      for (const [seq, { topic }] of all) {
        if (seq < begin || !matches(topic)) continue
        const told = holes.some(({ from, to }) => from <= seq && seq <= to)
        assert.ok(reader.messages.has(seq) || told, `${seq} of ${topic} is missing for ${filters.join(' ')}`)
      }
      for (const { topic } of reader.messages.values()) assert.ok(matches(topic))
    }
  }
  return reader
}

const queryOf = (filters: readonly string[]): string =>
  filters.map((filter) => `&filter=${encodeURIComponent(filter)}`).join('')

/** Aborting is how a test ends a reader. */
const unlessAborted = (signal: AbortSignal) => (error: unknown) => {
  if (!signal.aborted) throw error
}

/** Then who comes and goes leaves. */
const readMs = 500

/** A stream. With `back` it reads for a while, goes away, and comes back with its last cursor when that is true of where it is. */
export function streamThrough({
  url,
  filters,
  signal,
  back
}: ReadAsk & { back?: (reached: number) => Promise<boolean> }): ClassReader {
  const reader = createReader(filters)
  let after = 'earliest'

  async function connect(): Promise<void> {
    const leaving = new AbortController()
    const stop = AbortSignal.any([signal, leaving.signal])
    const response = await fetch(`${url}/v1/stream?types=message&after=${after}${queryOf(filters)}`, {
      signal: stop
    })
    if (response.status === 410) {
      assert.equal(((await response.json()) as { code: string }).code, 'cursor_expired')
      reader.expired++
      reader.excused.push({ from: reader.reached, to: Infinity })
      after = 'earliest'
      return
    }
    assert.equal(response.status, 200, await (response.ok ? '' : response.text()))
    let rest = ''
    const timer = back === undefined ? undefined : setTimeout(() => leaving.abort(), readMs)
    try {
      for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + text).split('\n\n')
        rest = blocks.pop()!
        for (const block of blocks) onBlock(block)
      }
    } catch (error) {
      if (!stop.aborted) throw error
    } finally {
      clearTimeout(timer)
    }
  }

  function onBlock(block: string): void {
    const data = /^data: (.*)$/m.exec(block)?.[1]
    if (data === undefined) return
    const event = JSON.parse(data) as {
      cursor: string
      message?: MessageView
      skipped?: { from: string; to: string; retentionClass: string }
    }
    after = event.cursor
    if (event.skipped !== undefined) {
      const { from, to, retentionClass } = event.skipped
      reader.skipped.push({ from: Number(from), to: Number(to), retentionClass })
    }
    if (event.message === undefined || Number(event.message.seq) <= reader.reached) return
    endExcuse(Number(event.message.seq))
    reader.take(event.message)
  }

  function endExcuse(seq: number): void {
    const last = reader.excused.at(-1)
    if (last?.to === Infinity) last.to = seq
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await connect().catch(unlessAborted(signal))
      while (back !== undefined && !signal.aborted && !(await back(reader.reached))) await delay(100)
    }
  }
  const ended = run()
  ended.catch(() => {})
  return Object.assign(reader, { ended })
}

/** Page after page behind a cursor: between two pages nothing is missing, since the next would be expired. */
export function pageThrough({ url, filters, signal }: ReadAsk): ClassReader {
  const reader = createReader(filters)
  let after = 'earliest'

  async function turn(): Promise<void> {
    let page = ''
    const earliest = after === 'earliest'
    const begin = reader.reached
    for (let more = true; more && !signal.aborted;) {
      const response = await fetch(`${url}/v1/messages?limit=200&after=${after}${queryOf(filters)}${page}`, {
        signal
      })
      const body = (await response.json()) as {
        code?: string
        items: MessageView[]
        next: string | null
        cursor: string
      }
      if (response.status === 410) {
        assert.equal(body.code, 'cursor_expired')
        reader.expired++
        after = 'earliest'
        return
      }
      assert.equal(response.status, 200, JSON.stringify(body))
      for (const item of body.items) if (Number(item.seq) > reader.reached) reader.take(item)
      // Who asks for what is kept is not told what is not
      if (earliest) reader.excused.push({ from: begin, to: reader.reached })
      more = body.next !== null
      page = more ? `&page=${body.next}` : ''
      if (!more) after = body.cursor
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      await turn().catch(unlessAborted(signal))
      await delay(100 + Math.random() * 900)
    }
  }
  const ended = run()
  ended.catch(() => {})
  return Object.assign(reader, { ended })
}

/** What a topic was a moment ago, asked again and again: it stays what it was, until nobody can tell any more. */
export function askAgain({
  url,
  topics,
  signal
}: {
  url: string
  topics: readonly string[]
  signal: AbortSignal
}) {
  const known: Array<{ topic: string; at: string; seq: string }> = []
  const counts = { same: 0, expired: 0, wrong: [] as string[] }

  async function ask(topic: string, at: string): Promise<string> {
    const response = await fetch(`${url}/v1/topic?name=${encodeURIComponent(topic)}&asOf=${at}`, { signal })
    const body = (await response.json()) as { code?: string; seq?: string }
    return body.seq ?? body.code!
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const topic = topics[Math.floor(Math.random() * topics.length)]!
      const at = new Date(Date.now() - 100).toISOString()
      const seq = await ask(topic, at)
      if (/^\d+$/.test(seq)) known.push({ topic, at, seq })
      const one = known[Math.floor(Math.random() ** 3 * known.length)]
      if (one !== undefined) {
        const again = await ask(one.topic, one.at)
        if (again === one.seq) counts.same++
        else if (again === 'cursor_expired') counts.expired++
        else counts.wrong.push(`${one.topic} at ${one.at}: ${one.seq}, then ${again}`)
      }
      if (known.length > 200) known.shift()
      await delay(20)
    }
  }
  const ended = run().catch(unlessAborted(signal))
  ended.catch(() => {})
  return Object.assign(counts, { ended })
}
