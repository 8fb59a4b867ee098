/**
 * With RIALTO_TEST_PRISM=1, everything that tests ask of REST passes through Prism, too: by `fetch`, and by `inject` of a
 * server that is watched. An answer that openapi.yaml does not allow is an error, and so is a request that it does not
 * allow and the service takes. What the service refuses, tests have sent wrong on purpose: of it only the answer counts.
 */

import type { FastifyInstance, InjectOptions } from 'fastify'

/** What the service answered, on its way to where Prism looks for it. */
export interface Recorded {
  status: number
  headers: Array<[string, string]>
  bodyBase64: string
}

/** Names the recorded answer, through Prism and back. */
export const exchangeHeader = 'rialto-exchange'
/** Where it is recorded; no request of a test looks like this. */
export const recordPath = '/recorded'

const prismUrl = process.env['RIALTO_TEST_PRISM_URL']
const recorderUrl = process.env['RIALTO_TEST_RECORDER_URL']
const ask = globalThis.fetch

export interface Sent {
  method: string
  /** Path and query. */
  target: string
  headers: Headers
  body: Uint8Array<ArrayBuffer> | null
}

/** What openapi.yaml documents; the rest, such as GraphQL, describes itself. */
const isRest = (target: string): boolean => /^\/(v1(\/|$)|livez$|readyz$|metrics$)/.test(target)

const faults: string[] = []

if (prismUrl !== undefined) {
  globalThis.fetch = askThroughPrism
  // A fault may be caught where a test waits for a condition; it counts all the same
  process.on('exit', () => {
    if (faults.length === 0) return
    console.error(`Prism: ${faults.join('\n')}`)
    process.exitCode = 1
  })
}

async function askThroughPrism(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input)
  // No HEAD is documented, and Prism reads a body whatever the method; nor is what browsers ask before they ask
  if (!isRest(url.pathname) || init.method === 'HEAD' || init.method === 'OPTIONS') return ask(input, init)
  // Read before it is sent, which consumes it
  const { signal: _, ...lasting } = init
  const request = new Request(input, lasting)
  const sent: Sent = {
    method: request.method,
    target: url.pathname + url.search,
    headers: request.headers,
    body: request.body === null ? null : new Uint8Array(await request.arrayBuffer())
  }
  const { method, headers: given, body: bytes } = sent
  const response = await ask(url, { ...init, method, headers: given, body: bytes })
  const { status, headers } = response
  if (headers.get('content-type') === 'text/event-stream') {
    await check(sent, { status, headers: [...headers], bodyBase64: '' }) // its body ends when it likes
    return response
  }
  const body = await response.arrayBuffer()
  await check(sent, { status, headers: [...headers], bodyBase64: Buffer.from(body).toString('base64') })
  return new Response(body.byteLength === 0 ? null : body, { status, headers })
}

/** What is injected into this server passes through Prism. */
export function watchInjected(app: FastifyInstance): void {
  if (prismUrl === undefined) return
  const inject = app.inject.bind(app) as (options: InjectOptions | string) => Promise<{
    statusCode: number
    headers: Record<string, string | string[] | number | undefined>
    rawPayload: Buffer
  }>
  app.inject = (async (given: InjectOptions | string) => {
    const options = typeof given === 'string' ? { url: given } : given
    const response = await inject(options)
    const target = options.url as string
    if (!isRest(target.split('?')[0]!)) return response
    const body = options.body ?? options.payload
    await check(
      {
        method: options.method ?? 'GET',
        target,
        headers: new Headers(options.headers as Record<string, string>),
        body: body === undefined ? null : new Uint8Array(Buffer.from(body as string | Buffer))
      },
      {
        status: response.statusCode,
        headers: Object.entries(response.headers).flatMap(([name, value]) =>
          [value].flat().map((one): [string, string] => [name, String(one)])
        ),
        bodyBase64: response.rawPayload.toString('base64')
      }
    )
    return response
  }) as FastifyInstance['inject']
}

/** A body that was refused unread may be more than Prism takes, or packed so that it does not understand it. */
function withoutBody({ headers, ...sent }: Sent): Sent {
  const others = [...headers].filter(([name]) => !/^(content|transfer)-/.test(name))
  return { ...sent, headers: new Headers(others), body: null }
}

interface Violation {
  location: string[]
  message: string
}

async function check(sent: Sent, recorded: Recorded): Promise<void> {
  const refused = recorded.status >= 400 && recorded.status < 500
  if (recorded.status === 413 || recorded.status === 415) sent = withoutBody(sent)
  let violations = await violationsOf({ ...sent, target: decodable(sent.target) }, recorded)
  if (violations === null) {
    // Prism cannot read a body that is not what it says to be. As bytes it can, and then a request that is refused
    // anyway breaks one more rule
    const headers = new Headers(sent.headers)
    headers.set('content-type', 'application/octet-stream')
    violations = await violationsOf({ ...sent, headers, target: decodable(sent.target) }, recorded)
  }
  const said =
    violations === null
      ? ['Prism did not pass it on']
      : violations
          .filter(({ location }) => !(refused && location[0] === 'request'))
          .filter(({ location }) => !(takesForProblem(sent, recorded) && location[1] === 'body'))
          .map(({ location, message }) => `${location.join('.')}: ${message}`)
  if (said.length === 0) return
  const fault = `${sent.method} ${sent.target}: ${recorded.status}: ${said.join('; ')}`
  faults.push(fault)
  throw new Error(fault)
}

/**
 * Prism makes no difference between application/json and application/problem+json, which are two answers with the same
 * status in one place: of several commands none was accepted. The tests' own contract.ts tells them apart.
 */
const takesForProblem = ({ method, target }: Sent, { status, headers }: Recorded): boolean =>
  method === 'POST' &&
  target === '/v1/commands' &&
  status === 422 &&
  headers.some(([name, value]) => name === 'content-type' && value.startsWith('application/json'))

/** A percent sign that encodes nothing ends Prism. */
const decodable = (target: string): string => target.replaceAll(/%(?![0-9a-f]{2})/gi, '%25')

/** null: Prism did not come as far as the answer. */
export async function violationsOf(sent: Sent, recorded: Recorded): Promise<Violation[] | null> {
  const kept = await ask(`${recorderUrl}${recordPath}`, { method: 'POST', body: JSON.stringify(recorded) })
  const id = await kept.text()
  const headers = new Headers(sent.headers)
  headers.set(exchangeHeader, id)
  headers.delete('content-length')
  const response = await ask(`${prismUrl}${sent.target}`, { method: sent.method, headers, body: sent.body })
  await response.arrayBuffer()
  if (response.headers.get(exchangeHeader) !== id) return null
  const said = response.headers.get('sl-violations')
  if (said === null) return []
  try {
    return JSON.parse(said) as Violation[]
  } catch {
    return [{ location: ['response'], message: said }] // too many to be told whole
  }
}
