/** PostGraphile on a database, as its documentation has it, in production mode: `server.mjs DATABASE_URL CONNECTIONS`. */

import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { jsonPgSmartTags } from 'postgraphile/utils'

const [url, connections] = process.argv.slice(2)
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // Two tables whose singular is the same
  plugins: [
    jsonPgSmartTags({ version: 1, config: { class: { journals: { tags: { name: 'journal_origins' } } } } })
  ],
  pgServices: [
    makePgService({ connectionString: url, schemas: ['public'], poolConfig: { max: Number(connections) } })
  ],
  grafast: { explain: false },
  grafserv: { graphqlPath: '/graphql', graphiql: false, websockets: false, watch: false }
})
const server = createServer()
await instance.createServ(grafserv).addTo(server)
server.listen(0, '127.0.0.1', () => process.send?.(server.address().port))
process.on('disconnect', () => process.exit())
