/**
 * Writes down what services say, wherever tests start them: logs, terminals, errors, metrics and status. test/run.ts gives a
 * folder, and looks through it for secrets when all is over; without a folder, nothing is written.
 */

import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { destination, pino } from 'pino'
import { logOptions } from '../../src/log.ts'
import '../prism/exchanges.ts'

const folder = process.env['RIALTO_TEST_CAPTURE']

const fileOf = (kind: string): string => join(folder!, `${kind}-${process.pid}.txt`)

/** Appends to what was said in that way, by services of this process or started by it. */
export function capture(kind: 'terminal' | 'answers', text: string): void {
  if (folder !== undefined) appendFileSync(fileOf(kind), text)
}

/** The log of services in this process: on the terminal at the level TEST_LOG, else to the folder, else nowhere. */
export const testLog = (): Logger => {
  const level = process.env['TEST_LOG']
  if (level !== undefined || folder === undefined) return pino({ ...logOptions, level: level ?? 'silent' })
  return pino({ ...logOptions, level: 'debug' }, destination({ dest: fileOf('log'), sync: true }))
}

/** That tell how the service does; of all else, answers that are errors. */
const telling = /^\/(metrics|v1\/status|livez|readyz)$/

async function captureAnswer(url: URL, response: Response): Promise<void> {
  const isGraphql = url.pathname === '/graphql'
  if (response.status < 400 && !telling.test(url.pathname) && !isGraphql) return
  if (response.body === null || response.headers.get('content-type')?.startsWith('text/event-stream')) return
  const text = await response.clone().text()
  // What is asked for may be secret: a webhook is shown its secret once
  const said = isGraphql ? JSON.stringify((JSON.parse(text) as { errors?: unknown }).errors ?? null) : text
  const headers = JSON.stringify([...response.headers])
  capture('answers', `${url.pathname} ${response.status} ${headers}\n${said}\n`)
}

if (folder !== undefined) {
  const ask = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const response = await ask(input, init)
    const url = new URL(input instanceof Request ? input.url : input)
    // Whatever a test does to a connection, the answer is still the test's
    void captureAnswer(url, response).catch(() => {})
    return response
  }
}
