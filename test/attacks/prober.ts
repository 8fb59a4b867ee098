/**
 * A process of its own that asks addresses every 50 ms, by a connection of its own each time, as an orchestrator does, whether
 * the one before was answered or not. Told anything, it sends what it saw of each, in their order, and ends.
 */

import { get } from 'node:http'
import { get as getByTls } from 'node:https'

export interface Seen {
  asked: number
  /** Answered otherwise than with 200, or not within 10 s. */
  failed: number
  largestMs: number
}

const everyMs = 50
const answerMsMax = 10_000

const seen = process.argv.slice(2).map((url) => ({ url, asked: 0, failed: 0, largestMs: 0 }))

function ask(of: (typeof seen)[number]): void {
  of.asked++
  const begun = performance.now()
  let over = false
  const end = (ok: boolean): void => {
    if (over) return
    over = true
    if (!ok) of.failed++
    of.largestMs = Math.max(of.largestMs, performance.now() - begun)
  }
  const options = { agent: false, timeout: answerMsMax, rejectUnauthorized: false }
  const request = (of.url.startsWith('https:') ? getByTls : get)(of.url, options, (response) => {
    response.resume()
    response.once('end', () => end(response.statusCode === 200))
    response.once('error', () => end(false))
  })
  request.once('timeout', () => request.destroy(new Error('No answer')))
  request.once('error', () => end(false))
}

const timer = setInterval(() => seen.forEach(ask), everyMs)
process.once('message', () => {
  clearInterval(timer)
  process.send!(
    seen.map(({ asked, failed, largestMs }): Seen => ({ asked, failed, largestMs })),
    () => process.exit()
  )
})
process.send!('ready')
