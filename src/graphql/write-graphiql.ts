/**
 * Run by the build: writes GraphiQL, with everything it needs, into one page beside the compiled code. The package that
 * has it is a development dependency, so that an installation does not carry it twice.
 */

import { writeFileSync } from 'node:fs'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'

const defaultQuery = `# State of some topics. Subscriptions work here, too.
query {
  topics(filter: ["#"], first: 10) {
    nodes { topic format payload receivedAt retained { seq } tombstone { cause at } }
    pageInfo { hasNextPage endCursor }
    cursor
  }
}
`

const options = {
  title: 'Rialto GraphiQL',
  endpoint: '/graphql',
  subscriptionsProtocol: 'WS',
  defaultQuery,
  isHeadersEditorEnabled: true
} as const

/** Headers are sent by HTTP only: the key that a request had goes along when a subscription connects. */
const withKey = `((options) => {
  let authorization
  const send = window.fetch
  window.fetch = (url, init) => {
    authorization = new Headers(init?.headers).get('authorization') ?? undefined
    return send(url, init)
  }
  return { ...options, connectionParams: () => ({ authorization }) }
})`

const page = renderGraphiQL(options)
const given = JSON.stringify(options)
if (page.split(given).length !== 2) throw new Error('GraphiQL is rendered in another way than it was')

writeFileSync(
  new URL('../graphiql.html', import.meta.url),
  page.replace(given, () => `${withKey}(${given})`)
)
