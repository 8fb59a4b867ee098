/** The whole service in this process, on a database of its own and a real broker. */

import type { App, AppParts } from '../../src/app.ts'
import { startApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { readConfig } from '../../src/config.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import { asksForNoPassword } from './broker.ts'
import { canaries } from './canaries.ts'
import { capture } from './capture.ts'
import { atEnd } from './cleanup.ts'
import { createDatabase, silent } from './database.ts'
import { eventually } from './eventually.ts'

export interface BridgeOptions {
  mqttUrl: string
  databaseUrl?: string
  config?: Partial<Config>
  limits?: Partial<Limits>
}

/** What app.ts is given, on a database and a broker that exist. */
export function partsFor(options: BridgeOptions & { databaseUrl: string }): AppParts {
  const { databaseUrl } = options
  const config: Config = {
    ...readConfig({
      PORT: '0',
      MQTT_URL: options.mqttUrl,
      ...(asksForNoPassword(options.mqttUrl) && {
        MQTT_USERNAME: canaries.mqttUsername,
        MQTT_PASSWORD: canaries.mqttPassword
      })
    }),
    // A key that nobody needs, unless a test has one
    apiKey: canaries.apiKey,
    anonymous: options.config?.apiKey == null,
    ...options.config
  }
  return {
    config,
    databaseUrl,
    databaseDirectUrl: databaseUrl,
    broker: config.broker!,
    embedded: { postgres: false, broker: false },
    version: 'test',
    // Several services of a file are open at once, and share one server's connections
    limits: { ...defaultLimits, poolConnectionsMax: 4, ...options.limits },
    log: silent
  }
}

export async function startBridge(options: BridgeOptions): Promise<App & { databaseUrl: string }> {
  const databaseUrl = options.databaseUrl ?? (await createDatabase())
  const app = await startApp(partsFor({ ...options, databaseUrl }))
  let closed = false
  const close = async (): Promise<void> => {
    if (!closed) await tellAtEnd(app.url)
    if (!closed) await app.close()
    closed = true
  }
  atEnd(close)
  await eventually(async () => (await fetch(`${app.url}/readyz`)).ok, { what: 'the service is ready' })
  return { ...app, close, databaseUrl }
}

/** What it has counted, for those who look for secrets in it. */
async function tellAtEnd(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${canaries.apiKey}`, connection: 'close' }
  for (const path of ['/metrics', '/v1/status']) {
    const answer = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(2_000) }).catch(
      () => null
    )
    // Read to its end, so that its connection is over
    if (answer !== null)
      capture('answers', `${path} ${answer.status}\n${await answer.text().catch(() => '')}\n`)
  }
}

export interface Answer {
  status: number
  headers: Headers
  // Tests look into answers freely; the contract tests hold their shape
  // eslint-disable-next-line typescript/no-explicit-any
  body: any
}

/** One request, with its body parsed when it is one JSON text. */
export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init)
  const text = await response.text()
  const json = /[/+]json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: json && text !== '' ? JSON.parse(text) : text
  }
}

export const postJson = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body)
  })

export async function graphql(
  url: string,
  query: string,
  variables: Record<string, unknown> = {}
): Promise<Answer['body']> {
  const { body } = await postJson(`${url}/graphql`, { query, variables })
  if (body.errors) throw new Error(JSON.stringify(body.errors))
  return body.data
}
