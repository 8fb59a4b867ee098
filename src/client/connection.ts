/** Requests to one service, with what every one of them needs. */

import { toError } from './problem.ts'

export interface ClientOptions {
  /** Of the service, such as `https://rialto.example.com`. */
  url: string | URL
  /** A key or a token. A function is asked before each request, so that one that is renewed is used from then on. */
  key?: string | (() => string | Promise<string>)
  /** Instead of the platform's own. */
  fetch?: typeof globalThis.fetch
}

export interface Request {
  path?: Record<string, string | number> | undefined
  query?: object | undefined
  /** Sent as JSON. */
  body?: unknown
  headers?: Record<string, string> | undefined
  signal?: AbortSignal | undefined
}

export interface Connection {
  /** The answer, whatever its status. `template` is a path of openapi.yaml. Rejects where none came. */
  ask(method: string, template: string, request: Request): Promise<Response>
  /** The answer, where nothing is refused; else RialtoError. */
  accept(method: string, template: string, request: Request): Promise<Response>
  /** The key may be another one the next time it is asked for. */
  renewable: boolean
}

export function createConnection({ url, key, fetch = globalThis.fetch }: ClientOptions): Connection {
  const base = String(url).replace(/\/+$/, '')

  async function ask(method: string, template: string, request: Request): Promise<Response> {
    const { body, signal } = request
    const headers: Record<string, string> = { accept: 'application/json', ...request.headers }
    const bearer = typeof key === 'function' ? await key() : key
    if (bearer !== undefined) headers['authorization'] ??= `Bearer ${bearer}`
    if (body !== undefined) headers['content-type'] ??= 'application/json'
    return fetch(base + toPath(template, request.path) + toQuery(request.query), {
      method: method.toUpperCase(),
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
      // What it answers may change at once, and the service says when it did not
      cache: 'no-store'
    })
  }

  return {
    ask,
    async accept(method, template, request) {
      const answer = await ask(method, template, request)
      if (!answer.ok) throw await toError(answer)
      return answer
    },
    renewable: typeof key === 'function'
  }
}

/** Names of topics and devices may have slashes: in a path these are percent-encoded. */
export const toPath = (template: string, values: Record<string, string | number> = {}): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    if (value === undefined) throw new TypeError(`The path ${template} needs a value for ${name}`)
    return encodeURIComponent(value)
  })

/** A list is a parameter that is repeated. */
export function toQuery(query: object = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]: [string, unknown]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== undefined)
      .map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`)
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
