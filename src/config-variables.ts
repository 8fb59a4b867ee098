/** Every environment variable: what it is for, its default, and how its value is read. docs/configuration.md is generated from it. */

import {
  apiKey,
  certificateFile,
  clientId,
  define,
  duration,
  existingFile,
  keyFile,
  filters,
  logLevels,
  networks,
  oneOf,
  origins,
  port,
  retention,
  size,
  sparkplugHostId,
  text,
  url,
  wholeNumber
} from './config-values.ts'
import { requestsPerMinuteDefault } from './config-together.ts'

/** Every variable, in the order of the documentation. */
export const variables = {
  HOST: define({
    default: '127.0.0.1',
    about:
      'Address to listen on. Beyond loopback clients have to be known, see `RIALTO_API_KEY`, `RIALTO_OIDC_ISSUER` and `RIALTO_ALLOW_ANONYMOUS`.',
    parse: text
  }),
  PORT: define({
    default: '3000',
    about: 'Port of REST, GraphQL and streams. Not set: the next one when it is taken. 0: any free one.',
    parse: port
  }),
  RIALTO_SHUTDOWN_GRACE_SECONDS: define({
    default: '0',
    about:
      'How long an instance that gets SIGTERM still answers, while `/readyz` says 503: as long as load balancers need to go elsewhere (docs/upgrading.md). Up to 10 seconds for the end itself come after it.',
    parse: wholeNumber(0, 300, 'seconds')
  }),
  RIALTO_TLS_CERT_FILE: define({
    default: null,
    about:
      'Path of a PEM file: the certificate, then those between it and the authority. With it REST, GraphQL and streams are https and wss, and nothing is http (docs/tls.md). Read again when it changes.',
    parse: text
  }),
  RIALTO_TLS_KEY_FILE: define({
    default: null,
    about: 'Path of a PEM file: its private key. Needed with `RIALTO_TLS_CERT_FILE`.',
    parse: text
  }),
  RIALTO_TLS_KEY_PASSPHRASE: define({
    default: null,
    about: 'Opens that key, where it is encrypted.',
    parse: text
  }),
  LOG_LEVEL: define({ default: 'info', about: `One of ${logLevels.join(', ')}.`, parse: oneOf(logLevels) }),
  DATABASE_URL: define({
    default: null,
    about: 'Postgres 14 to 18. Not set: an embedded server that keeps its data in `RIALTO_DATA_DIR`.',
    parse: url(['postgres', 'postgresql'], 'postgresql://user:password@host:5432/rialto')
  }),
  DATABASE_DIRECT_URL: define({
    default: null,
    about: 'For LISTEN, locks and migrations, when `DATABASE_URL` is a PgBouncer. Not set: `DATABASE_URL`.',
    parse: url(['postgres', 'postgresql'], 'postgresql://user:password@host:5432/rialto')
  }),
  MQTT_URL: define({
    default: null,
    about: 'Broker: mqtt, mqtts, ws or wss. Not set: an embedded broker.',
    parse: url(['mqtt', 'mqtts', 'ws', 'wss'], 'mqtts://broker.example:8883')
  }),
  MQTT_USERNAME: define({ default: null, about: 'User name at the broker.', parse: text }),
  MQTT_PASSWORD: define({ default: null, about: 'Password at the broker.', parse: text }),
  MQTT_CA: define({
    default: null,
    about:
      "Path of a PEM file: the authority that signed the broker's certificate, where it is no public one (docs/tls.md). Read again at each connection.",
    parse: certificateFile('ca')
  }),
  MQTT_CERT: define({
    default: null,
    about: 'Path of a PEM file: our client certificate. Read again at each connection.',
    parse: certificateFile('cert')
  }),
  MQTT_KEY: define({
    default: null,
    about: 'Path of a PEM file: its private key, not encrypted.',
    parse: keyFile
  }),
  RIALTO_DATA_DIR: define({
    default: '.rialto',
    about: "Directory of the embedded servers' data.",
    parse: text
  }),
  RIALTO_CLIENT_ID: define({
    default: null,
    about: 'MQTT client id. Not set: generated once and kept in the database.',
    parse: clientId
  }),
  RIALTO_TOPICS: define({
    default: '#',
    about: 'Topic filters to subscribe to, separated by commas.',
    parse: filters
  }),
  RIALTO_QOS: define({
    default: '2',
    about: 'Highest QoS to receive with: 0, 1 or 2. Messages keep theirs, up to this.',
    parse: (value) => Number(oneOf(['0', '1', '2'])(value)) as 0 | 1 | 2
  }),
  RIALTO_SESSION_EXPIRY_SECONDS: define({
    default: '604800',
    about: 'How long the broker keeps our session while we are away (MQTT 5).',
    parse: wholeNumber(60, 4_294_967_294, 'seconds')
  }),
  RIALTO_SPARKPLUG_HOST: define({
    default: null,
    about:
      'Host id of a Sparkplug 3.0 host application, unique in the plant: Rialto then holds a second, clean session and says by STATE that it is online (docs/decisions/0009-sparkplug-host.md). Not set: Sparkplug is only listened to.',
    parse: sparkplugHostId
  }),
  RIALTO_SPARKPLUG_TOPICS: define({
    default: 'spBv1.0/#',
    about: 'Topic filters of that session, separated by commas.',
    parse: filters
  }),
  RIALTO_RETENTION: define({
    default: null,
    about:
      'How long messages of the class `default` are kept: a time, a size, both (whichever comes first), or `forever`. Current state stays in any case. Not set: as it was set last, at first `7d,10GB`.',
    parse: retention
  }),
  RIALTO_AUDIT_RETENTION: define({
    default: '90d',
    about: 'How long entries of the audit are kept (docs/audit.md).',
    parse: duration
  }),
  RIALTO_HELD_BYTES: define({
    default: '64MiB',
    about:
      'Bytes of messages held in memory until Postgres has them. Beyond that, reading from the broker pauses, and it queues.',
    parse: size(2 ** 20)
  }),
  RIALTO_CONFIG: define({
    default: null,
    about:
      'Path of `rialto.yaml`, which says what devices and metrics messages are about (docs/mappings.md). Not set: `rialto.yaml` in the working directory, if there is one.',
    parse: existingFile
  }),
  RIALTO_API_KEY: define({
    default: null,
    about:
      'Clients send it as `Authorization: Bearer <key>`; it may everything. At least 16 characters. Keys that may less are made by `rialto keys create` (docs/access.md).',
    parse: apiKey
  }),
  RIALTO_ALLOW_ANONYMOUS: define({
    default: null,
    about:
      'Whether who sends no key and no token may read and command everything: `true` or `false`. Not set: on loopback, where there is neither `RIALTO_API_KEY` nor `RIALTO_OIDC_ISSUER`.',
    parse: (value) => oneOf(['true', 'false'])(value) === 'true'
  }),
  RIALTO_OIDC_ISSUER: define({
    default: null,
    about:
      'URL of an OpenID Connect issuer whose tokens (JWT) let in, as its `/.well-known/openid-configuration` has it, to the letter (docs/access.md). Not set: no tokens.',
    parse: url(['https', 'http'], 'https://login.example/realms/plant')
  }),
  RIALTO_OIDC_AUDIENCE: define({
    default: null,
    about: 'What tokens for this service have in `aud`; needed with `RIALTO_OIDC_ISSUER`.',
    parse: text
  }),
  RIALTO_OIDC_GRANTS_CLAIM: define({
    default: 'rialto',
    about:
      'Claim that holds the grants, such as `read:topic:plant/#`: its name, which may be a URL, or names with dots between them, as in `resource_access.rialto.roles`.',
    parse: text
  }),
  RIALTO_OIDC_TENANT_CLAIM: define({
    default: null,
    about:
      'Claim that holds the tenant; each token then has to have it, and is limited to topics below it. Not set: tokens have no tenant.',
    parse: text
  }),
  RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS: define({
    default: '5',
    about: 'By how many seconds the clock of the issuer may differ from ours: 0 to 300.',
    parse: wholeNumber(0, 300, 'seconds')
  }),
  RIALTO_OIDC_ALLOW_HTTP: define({
    default: 'false',
    about:
      '`true` lets the issuer be asked by plain http also beyond loopback: whoever is between could then make tokens. For tests alone.',
    parse: (value) => oneOf(['true', 'false'])(value) === 'true'
  }),
  RIALTO_WEBHOOKS_PRIVATE: define({
    default: 'false',
    about:
      '`true` lets webhooks be sent to private addresses and by plain http (docs/webhooks.md). Whoever may make webhooks then reaches what this machine reaches.',
    parse: (value) => oneOf(['true', 'false'])(value) === 'true'
  }),
  RIALTO_CORS_ORIGINS: define({
    default: null,
    about:
      'Origins, separated by commas, whose pages may ask REST, streams and GraphQL from a browser, as `https://plant.example`. Not set: none but our own (docs/security.md).',
    parse: origins
  }),
  RIALTO_RATE_LIMIT: define({
    default: null,
    about: `Requests a minute of each key or token, and of each address where none is needed, on this instance; operations over WebSocket count, too. 0: any number. Not set: ${requestsPerMinuteDefault}, on loopback any number (docs/security.md).`,
    parse: wholeNumber(0, 100_000_000, 'requests')
  }),
  RIALTO_TRUSTED_PROXIES: define({
    default: null,
    about:
      'Addresses and networks, separated by commas, of the proxies before Rialto, as `10.0.0.7,fd00::/8`: from them `X-Forwarded-For` says who asks. Not set: nobody is believed.',
    parse: networks
  }),
  RIALTO_EXPLORERS: define({
    default: null,
    about:
      'Whether the pages to try Rialto with are served, `/docs` and `/graphiql`, and GraphQL tells its schema: `true` or `false`. Not set: on loopback.',
    parse: (value) => oneOf(['true', 'false'])(value) === 'true'
  }),
  RIALTO_GRAPHQL_DOCUMENTS: define({
    default: null,
    about:
      'Path of a JSON file of GraphQL documents by their ids, which clients may send as `documentId` (docs/graphql.md). Read at the start.',
    parse: existingFile
  }),
  RIALTO_GRAPHQL_ONLY_DOCUMENTS: define({
    default: 'false',
    about: '`true` executes those documents and nothing else.',
    parse: (value) => oneOf(['true', 'false'])(value) === 'true'
  }),
  RIALTO_MQTT_PORT: define({
    default: '1883',
    about: 'Port of the embedded broker. 0: any free one.',
    parse: port
  }),
  RIALTO_MQTT_WS_PORT: define({
    default: '8083',
    about: 'Port of the embedded broker for MQTT over WebSocket. 0: any free one.',
    parse: port
  })
}
