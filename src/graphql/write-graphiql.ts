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

const html = renderGraphiQL({
  title: 'Rialto GraphiQL',
  endpoint: '/graphql',
  subscriptionsProtocol: 'WS',
  defaultQuery,
  isHeadersEditorEnabled: true
})

writeFileSync(new URL('../graphiql.html', import.meta.url), html)
