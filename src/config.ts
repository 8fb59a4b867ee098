/** Environment -> frozen configuration. The only reader of process.env; docs/configuration.md is generated from it. */

import { isIP } from 'node:net'
import type { Retention } from './config-values.ts'
import {
  apiKey,
  clientId,
  existingFile,
  file,
  filters,
  logLevels,
  oneOf,
  port,
  retention,
  size,
  sparkplugHostId,
  text,
  url,
  wholeNumber
} from './config-values.ts'
import type { Broker, QoS } from './model.ts'

export interface Config {
  host: string
  port: number
  /** Somebody chose the port, so another one would not do. */
  portGiven: boolean
  logLevel: string
  /** null: the embedded one. */
  databaseUrl: string | null
  databaseDirectUrl: string | null
  broker: Broker | null
  dataDirectory: string
  clientId: string | null
  filters: string[]
  qos: QoS
  sessionExpirySeconds: number
  /** Whom edge nodes know as their host; null: none. */
  sparkplug: { hostId: string; topics: string[] } | null
  retention: Retention
  heldBytes: number
  /** Path of rialto.yaml; null: none, whatever is there. */
  mappingsFile: string | null
  /** Somebody named it, so that it has to be there. */
  mappingsFileGiven: boolean
  apiKey: string | null
  embeddedMqttPort: number
  embeddedMqttWsPort: number
}

/** What is wrong with the environment, every variable by name, with the fix. */
export class ConfigError extends Error {
  constructor(faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`)
    this.name = 'ConfigError'
  }
}

interface Variable<T> {
  /** As an operator would write it; null: none. */
  default: string | null
  about: string
  /** Throws with the value's fault and the fix. */
  parse: (value: string) => T
}

const define = <T>(variable: Variable<T>): Variable<T> => variable

/** Every variable, in the order of the documentation. */
export const variables = {
  HOST: define({
    default: '127.0.0.1',
    about: 'Address to listen on. Beyond loopback a key is required, see `RIALTO_API_KEY`.',
    parse: text
  }),
  PORT: define({
    default: '3000',
    about: 'Port of REST, GraphQL and streams. Not set: the next one when it is taken. 0: any free one.',
    parse: port
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
      "Path of a PEM file: the authority that signed the broker's certificate, where the system does not know it.",
    parse: file
  }),
  MQTT_CERT: define({ default: null, about: 'Path of a PEM file: our client certificate.', parse: file }),
  MQTT_KEY: define({ default: null, about: 'Path of a PEM file: its private key.', parse: file }),
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
    about:
      'Highest QoS to receive with: 0, 1 or 2. Messages keep the QoS they were published with, up to this.',
    parse: (value) => Number(oneOf(['0', '1', '2'])(value)) as QoS
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
    default: '7d,10GB',
    about:
      'How long messages are kept: a time, a size, both (whichever comes first), or `forever`. Current state stays in any case.',
    parse: retention
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
    about: 'Clients send it as `Authorization: Bearer <key>`. At least 16 characters.',
    parse: apiKey
  }),
  RIALTO_ALLOW_ANONYMOUS: define({
    default: 'false',
    about: '`true` allows listening beyond loopback without a key.',
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

export type Environment = Readonly<Record<string, string | undefined>>

/** Throws ConfigError with every fault at once. */
export function readConfig(environment: Environment = process.env): Readonly<Config> {
  const faults: string[] = []
  const read = <Name extends keyof typeof variables>(
    name: Name
  ): ReturnType<(typeof variables)[Name]['parse']> | null => {
    // An empty variable is what a compose file leaves of one that is not set
    const value = environment[name] === '' ? undefined : environment[name]
    const given = value ?? variables[name].default
    if (given === null) return null
    try {
      return variables[name].parse(given) as ReturnType<(typeof variables)[Name]['parse']>
    } catch (error) {
      // The value may be a secret, or hold one
      faults.push(`${name} ${(error as Error).message}.`)
      return null
    }
  }

  const host = read('HOST') ?? ''
  const key = read('RIALTO_API_KEY')
  const mqttUrl = read('MQTT_URL')
  const secrets = {
    username: read('MQTT_USERNAME'),
    password: read('MQTT_PASSWORD'),
    ca: read('MQTT_CA'),
    cert: read('MQTT_CERT'),
    key: read('MQTT_KEY')
  }
  const anonymous = read('RIALTO_ALLOW_ANONYMOUS') ?? false
  if (!isLoopback(host) && key === null && !anonymous) {
    faults.push(
      `HOST is ${host}, beyond loopback, and there is no RIALTO_API_KEY. Set RIALTO_API_KEY to at least 16 characters, ` +
        'or RIALTO_ALLOW_ANONYMOUS=true if everybody on that network may read and command everything.'
    )
  }
  if ((secrets.cert === null) !== (secrets.key === null))
    faults.push('MQTT_CERT and MQTT_KEY go together; set both.')
  const [hostId, sparkplugTopics] = [read('RIALTO_SPARKPLUG_HOST'), read('RIALTO_SPARKPLUG_TOPICS')]
  const config: Config = {
    host,
    port: read('PORT') ?? 0,
    portGiven: (environment['PORT'] ?? '') !== '',
    logLevel: read('LOG_LEVEL') ?? 'info',
    databaseUrl: read('DATABASE_URL'),
    databaseDirectUrl: read('DATABASE_DIRECT_URL'),
    broker: mqttUrl === null ? null : toBroker(mqttUrl, secrets),
    dataDirectory: read('RIALTO_DATA_DIR') ?? '',
    clientId: read('RIALTO_CLIENT_ID'),
    filters: read('RIALTO_TOPICS') ?? [],
    qos: read('RIALTO_QOS') ?? 2,
    sessionExpirySeconds: read('RIALTO_SESSION_EXPIRY_SECONDS') ?? 0,
    sparkplug: hostId === null ? null : { hostId, topics: sparkplugTopics ?? [] },
    retention: read('RIALTO_RETENTION') ?? { keepSeconds: null, keepBytes: null },
    heldBytes: read('RIALTO_HELD_BYTES') ?? 0,
    mappingsFile: read('RIALTO_CONFIG'),
    mappingsFileGiven: (environment['RIALTO_CONFIG'] ?? '') !== '',
    apiKey: key,
    embeddedMqttPort: read('RIALTO_MQTT_PORT') ?? 0,
    embeddedMqttWsPort: read('RIALTO_MQTT_WS_PORT') ?? 0
  }
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1'

/** User and password may stand in the URL; they leave it here, so that it can be shown. */
function toBroker(given: string, secrets: Record<string, string | null>): Broker {
  const address = new URL(given)
  const broker: Record<string, string> = {}
  if (address.username !== '') broker['username'] = decodeURIComponent(address.username)
  if (address.password !== '') broker['password'] = decodeURIComponent(address.password)
  address.username = ''
  address.password = ''
  for (const [name, value] of Object.entries(secrets)) if (value !== null) broker[name] = value
  return { ...broker, url: address.href }
}
