/** openapi.yaml and the page that shows it; both work without internet. */

import { readFile } from 'node:fs/promises'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { SwaggerTransformObject } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { completeDocument } from './openapi-document.ts'

const packaged = new URL('../../openapi.yaml', import.meta.url)

const description = [
  'Rialto stands between an MQTT broker and everything that speaks HTTP.',
  'Every message is committed before it is acknowledged, and gets a `seq`: its position in the journal. A cursor is ' +
    'such a position, and the same cursor works on pages, streams and GraphQL. A `seq` is a 64-bit integer, so JSON ' +
    'has it as a string.',
  'Requests are taken literally: what is not known is refused, nothing is converted. Every failure is a problem ' +
    '(RFC 9457) with a stable `code`.',
  'Examples of requests ask for the fleet of `npm start -- --demo`, with `automatic: true` in rialto.yaml.'
].join('\n\n')

/** The plugin's own asks browsers to upgrade to https, and then the page stays empty on a plain address. */
const contentSecurityPolicy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'"

/** `page`: whether it is shown on `/docs`; openapi.yaml is there in any case. */
export async function registerSwagger(
  app: FastifyInstance,
  { version, page }: { version: string; page: boolean }
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.1',
      info: {
        title: 'Rialto',
        version,
        description,
        contact: { name: 'The Rialto authors' },
        license: { name: 'Apache License 2.0', identifier: 'Apache-2.0' }
      },
      servers: [{ url: '/', description: 'The service that gave this document' }],
      tags: [
        { name: 'Topics', description: 'What is known of each topic now' },
        { name: 'Messages', description: 'What was received, and where something may be missing' },
        { name: 'Streams', description: 'What is being received' },
        { name: 'Devices', description: 'What messages say of devices: presence, metrics, datapoints' },
        { name: 'Mappings', description: 'What messages mean, and why some of them mean nothing' },
        { name: 'Retention', description: 'How long what is kept' },
        { name: 'Commands', description: 'What is to be published, and what became of it' },
        { name: 'Webhooks', description: 'What is sent to URLs when it happens' },
        { name: 'Access', description: 'Who may do what' },
        { name: 'Audit', description: 'Who changed or commanded what' },
        { name: 'Service', description: 'For whoever runs it' }
      ],
      components: {
        securitySchemes: {
          key: {
            type: 'http',
            scheme: 'bearer',
            description: 'RIALTO_API_KEY. Without one, everybody on loopback may do everything'
          },
          ticket: {
            type: 'apiKey',
            in: 'query',
            name: 'ticket',
            description: 'For streams: of `POST /v1/stream/tickets`, by whoever has the key'
          }
        }
      },
      security: [{ key: [] }, {}]
    },
    // GraphQL and the pages have no tags: they describe themselves
    hideUntagged: true,
    transformObject: complete,
    convertConstToEnum: false,
    refResolver: { buildLocalReference: ({ $id }) => $id as string }
  })
  if (page) await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: contentSecurityPolicy })
  // The file of the package, which a test compares: to render it takes half a second, in which nobody else is answered. Read
  // once, as bytes: whoever asks for it again and again, and reads slowly, holds no copies of it
  let yaml: Promise<Buffer> | undefined
  app.get('/openapi.yaml', async (_, reply) => {
    yaml ??= readFile(packaged).catch(() => Buffer.from(app.swagger({ yaml: true })))
    return reply.type('application/yaml').send(await yaml)
  })
}

/** Completed last, because the plugin takes an example's fields for those of a schema. */
const complete: SwaggerTransformObject = (document) =>
  'openapiObject' in document ? completeDocument(document.openapiObject) : document.swaggerObject
