/** What a person sees first: every address, and what to try. */

import type { Config } from './config.ts'
import type { Broker } from './model.ts'

export function printBanner(parts: {
  config: Config
  url: string
  servers: {
    databaseUrl: string
    broker: Broker
    brokerWsUrl: string | null
    embedded: { postgres: boolean; broker: boolean }
  }
  version: string
  write?: (text: string) => void
}): void {
  const { config, url, servers, version } = parts
  const { embedded, broker, brokerWsUrl } = servers
  const rows: Array<[string, string]> = [
    ['REST', `${url}/v1/topics`],
    ...(config.explorers ? [['API reference', `${url}/docs`] as [string, string]] : []),
    ['GraphQL', `${url}/graphql`],
    ...(config.explorers ? [['GraphiQL', `${url}/graphiql`] as [string, string]] : []),
    ['Live stream', `${url}/v1/stream`],
    ['Health', `${url}/readyz   ${url}/metrics`],
    ['MQTT', `${broker.url}${embedded.broker ? '   (embedded, for development)' : ''}`],
    ...(brokerWsUrl === null ? [] : [['MQTT over ws', brokerWsUrl] as [string, string]]),
    [
      'Postgres',
      embedded.postgres
        ? `${withoutPassword(servers.databaseUrl)}   (embedded; password in ${config.dataDirectory}/postgres/password)`
        : withoutPassword(servers.databaseUrl)
    ],
    ['Access', waysIn(config)]
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  const write = parts.write ?? ((text) => void process.stdout.write(text))
  write(`\nRialto ${version} is ready\n\n${lines.join('\n')}\n\n  Ctrl-C stops everything.\n\n`)
}

/** Keys of the database always let in; they are named where nothing else does. */
function waysIn({ apiKey, anonymous, oidc }: Config): string {
  const credentials = [
    ...(apiKey === null ? [] : ['<RIALTO_API_KEY>']),
    ...(oidc === null ? [] : [`<token of ${oidc.issuer}>`])
  ]
  if (credentials.length === 0 && !anonymous) credentials.push('<key of `rialto keys create`>')
  const ways = credentials.map((credential) => `Authorization: Bearer ${credential}`)
  return [...ways, ...(anonymous ? ['anonymous'] : [])].join('   or ')
}

function withoutPassword(given: string): string {
  const { protocol, username, host, pathname } = new URL(given)
  return `${protocol}//${username === '' ? '' : `${username}@`}${host}${pathname}`
}
