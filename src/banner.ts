/** What a person sees first: every address, and what to try. */

import type { Config } from './config.ts'
import type { Broker } from './model.ts'

export function printBanner(parts: {
  config: Config
  url: string
  servers: { broker: Broker; brokerWsUrl: string | null; embedded: { postgres: boolean; broker: boolean } }
  version: string
  write?: (text: string) => void
}): void {
  const { config, url, servers, version } = parts
  const { embedded, broker, brokerWsUrl } = servers
  const embeddedNote = `embedded, for development; data in ${config.dataDirectory}`
  const rows: Array<[string, string]> = [
    ['REST', `${url}/v1/topics`],
    ['API reference', `${url}/docs`],
    ['GraphQL', `${url}/graphql`],
    ['GraphiQL', `${url}/graphiql`],
    ['Live stream', `${url}/v1/stream`],
    ['Health', `${url}/readyz   ${url}/metrics`],
    ['MQTT', `${broker.url}${embedded.broker ? `   (${embeddedNote})` : ''}`],
    ...(brokerWsUrl === null ? [] : [['MQTT over ws', brokerWsUrl] as [string, string]]),
    ['Postgres', embedded.postgres ? embeddedNote : 'DATABASE_URL'],
    ['Access', config.apiKey === null ? 'anonymous' : 'Authorization: Bearer <RIALTO_API_KEY>']
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)
  const write = parts.write ?? ((text) => void process.stdout.write(text))
  write(`\nRialto ${version} is ready\n\n${lines.join('\n')}\n\n  Ctrl-C stops everything.\n\n`)
}
