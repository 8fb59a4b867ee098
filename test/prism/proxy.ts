/**
 * Prism's validation proxy, as a process of its own, and what stands behind it: a server that answers each request with
 * what the service answered already. So Prism sees every exchange of the tests, and tests see the service's own bytes:
 * Prism writes bodies anew, decodes a plus sign to a space, and gives nothing of a stream before it ends.
 */

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, json } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { findFreePort } from '../../src/embedded/free-port.ts'
import { eventually } from '../support/eventually.ts'
import type { Recorded } from './exchanges.ts'
import { exchangeHeader, recordPath } from './exchanges.ts'

const root = new URL('../../', import.meta.url)
const bin = fileURLToPath(new URL('.ci/prism/node_modules/@stoplight/prism-cli/dist/index.js', root))
/** Prism ends with us, also when we are killed: its standard input is a pipe from here. */
const endWithParent = `data:text/javascript,process.stdin.on('end', () => process.exit()).resume()`

export interface Prism {
  /** For the processes of tests: see exchanges.ts. */
  environment: Record<string, string>
  /** Ends Prism, and says how many exchanges it saw. */
  stop(): Promise<number>
}

export async function startPrism(): Promise<Prism> {
  if (!existsSync(bin)) throw new Error('Prism is not installed: npm ci --prefix .ci/prism')
  const recorder = await startRecorder()
  const port = await findFreePort({ port: 0, onTaken: () => {} })
  const url = `http://127.0.0.1:${port}`
  const child = spawn(
    process.execPath,
    [
      '--import',
      endWithParent,
      bin,
      'proxy',
      'openapi.yaml',
      recorder.url,
      `--port=${port}`,
      '--multiprocess=false',
      '--verboseLevel=fatal'
    ],
    { cwd: root, stdio: ['pipe', 'inherit', 'inherit'] }
  )
  await eventually(async () => child.exitCode !== null || (await fetch(url)).status > 0, {
    what: 'Prism listens',
    withinMs: 60_000
  })
  if (child.exitCode !== null) throw new Error('Prism did not start')
  return {
    environment: { RIALTO_TEST_PRISM_URL: url, RIALTO_TEST_RECORDER_URL: recorder.url },
    async stop() {
      child.kill()
      await once(child, 'exit')
      recorder.close()
      return recorder.exchanges()
    }
  }
}

async function startRecorder() {
  const answers = new Map<string, Recorded>()
  let exchanges = 0

  async function record(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = randomUUID()
    answers.set(id, (await json(request)) as Recorded)
    response.end(id)
  }

  /** Once: what was recorded is for one request. */
  async function answer(id: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorded = answers.get(id)!
    answers.delete(id)
    await buffer(request)
    exchanges++
    const headers = [...recorded.headers, [exchangeHeader, id]].filter(
      ([name]) => !connectionHeaders.has(name!)
    )
    response.writeHead(recorded.status, headers.flat()).end(Buffer.from(recorded.bodyBase64, 'base64'))
  }

  const server = createServer((request, response) => {
    const id = request.headers[exchangeHeader]
    if (typeof id === 'string' && answers.has(id)) void answer(id, request, response)
    else if (request.url === recordPath) void record(request, response)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges: () => exchanges,
    close() {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** Of the connection to the service, not of its answer (RFC 9110, section 7.6.1). */
const connectionHeaders = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length'])
