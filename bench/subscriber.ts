/**
 * Many subscribers in a process of their own: it opens connections, and notes how long after its publication each message
 * came. It reads no frames and parses no JSON: a message says `"sentAt":microseconds`, and is found by that. Told what to
 * do by messages.
 */

import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { now, webSocketText } from './wire.ts'

export interface OpenTask {
  do: 'open'
  port: number
  /** What each connection sends first, and what it must have received to be open. */
  first: string[]
  /** Sent when `when` has been received. */
  replies: Array<{ when: string; webSocketText: string }>[]
  opened: string
  webSocket: boolean
}

export type SubscriberTask = OpenTask | { do: 'expect'; messages: number; msMax: number } | { do: 'close' }

/** Milliseconds from publication to receipt, and when the last one came. */
export interface Deliveries {
  ms: Float64Array
  lastAt: number
}

const marker = Buffer.from('"sentAt":')
/** Behind the marker there is at least so much. */
const digitsMax = 20
const openAtOnce = 50
/** Pongs that nobody asked for (RFC 6455 section 5.5.3), so that pings need not be looked for among the frames. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
const pongEveryMs = 5_000

let sockets: Socket[] = []
let expected = 0
let ms = new Float64Array(0)
let count = 0
let lastAt = 0
let finished: () => void = () => {}
let pongs: NodeJS.Timeout | undefined
let closing = false

function received(sentAt: number, at: number): void {
  if (count < expected) ms[count] = (at - sentAt) / 1_000
  count++
  lastAt = at
  if (count === expected) finished()
}

function open(task: OpenTask, index: number): Promise<void> {
  const socket = connect(task.port, '127.0.0.1')
  socket.setNoDelay(true)
  sockets.push(socket)
  return new Promise((resolve, reject) => {
    const steps = [...task.replies[index % task.replies.length]!]
    let greeting = ''
    let rest: Buffer = Buffer.alloc(0)
    const find = (data: Buffer): void => {
      const at = now()
      const all = rest.length === 0 ? data : Buffer.concat([rest, data])
      let from = 0
      for (;;) {
        const found = all.indexOf(marker, from)
        if (found === -1) break
        if (found + marker.length + digitsMax > all.length) {
          rest = all.subarray(found)
          return
        }
        from = found + marker.length
        received(Number.parseInt(all.toString('latin1', from, from + digitsMax), 10), at)
      }
      rest = all.subarray(Math.max(from, all.length - marker.length + 1))
    }
    const greet = (data: Buffer): void => {
      greeting += data.toString('latin1')
      const [step] = steps
      if (step !== undefined) {
        if (!greeting.includes(step.when)) return
        steps.shift()
        socket.write(webSocketText(step.webSocketText))
        greeting = ''
      } else if (greeting.includes(task.opened)) {
        socket.off('data', greet)
        socket.on('data', find)
        resolve()
      }
    }
    socket.on('data', greet)
    socket.on('connect', () => socket.write(task.first[index % task.first.length]!))
    socket.on('error', reject)
    socket.on('close', () => {
      if (!closing) throw new Error(`A connection was closed; it had begun with ${greeting}`)
    })
  })
}

async function perform(task: SubscriberTask & { count?: number }): Promise<object> {
  if (task.do === 'open') {
    closing = false
    if (task.webSocket)
      pongs = setInterval(() => {
        for (const socket of sockets) socket.write(pong)
      }, pongEveryMs)
    for (let from = 0; from < task.count!; from += openAtOnce) {
      const some = Array.from({ length: Math.min(openAtOnce, task.count! - from) }, (_, at) => from + at)
      await Promise.all(some.map((index) => open(task, index)))
    }
    return {}
  }
  if (task.do === 'expect') {
    expected = task.messages
    ms = new Float64Array(expected)
    count = 0
    const done = new Promise<void>((resolve, reject) => {
      finished = resolve
      setTimeout(
        () => reject(new Error(`${count} of ${expected} messages came in ${task.msMax} ms`)),
        task.msMax
      ).unref()
    })
    process.send!({})
    await done
    return { ms, lastAt }
  }
  closing = true
  clearInterval(pongs)
  const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  for (const socket of sockets) socket.destroy()
  await Promise.all(closed)
  sockets = []
  return {}
}

process.on('message', (task: SubscriberTask) => {
  void perform(task).then((result) => process.send!(result))
})
process.on('disconnect', () => process.exit())
process.send!({})
