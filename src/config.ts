/** Environment -> frozen configuration. The only reader of process.env. */

import type { Retention } from './config-values.ts'
import { pairFault } from './config-values.ts'
import { variables } from './config-variables.ts'
import type { OidcConfig, TlsConfig } from './config-together.ts'
import { isLoopback, toBroker, toOidc, toRate, toTls } from './config-together.ts'
import type { Broker, QoS } from './model.ts'

export interface Config {
  host: string
  port: number
  /** Somebody chose the port, so another one would not do. */
  portGiven: boolean
  shutdownGraceSeconds: number
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
  /** Of the class `default`; null: as the database has it. */
  retention: Retention | null
  /** Of the audit. */
  auditKeepSeconds: number
  heldBytes: number
  /** Path of rialto.yaml; null: none, whatever is there. */
  mappingsFile: string | null
  /** Somebody named it, so that it has to be there. */
  mappingsFileGiven: boolean
  apiKey: string | null
  /** Who sends no credential may everything. */
  anonymous: boolean
  /** Of HTTPS; null: HTTP without TLS. */
  tls: TlsConfig | null
  /** Of whom tokens let in; null: none do. */
  oidc: OidcConfig | null
  /** Webhooks may be sent to private addresses, and by http. */
  webhooksPrivate: boolean
  /** Whose pages may ask from browsers. */
  corsOrigins: string[]
  /** Requests a minute of each caller; null: any number. */
  requestsPerMinute: number | null
  /** Whose word on where a request comes from is taken: addresses and networks. */
  trustedProxies: string[]
  /** Pages to try the service with are served, and GraphQL tells its schema. */
  explorers: boolean
  /** Path of the file of documents that GraphQL clients may name; null: none. */
  graphqlDocumentsFile: string | null
  /** Nothing else is executed. */
  graphqlOnlyDocuments: boolean
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

export { isLoopback } from './config-together.ts'
export type { OidcConfig } from './config-together.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Variables of OpenTelemetry, which are not ours: its libraries read them, too. */
export const openTelemetryVariables = (environment: Environment = process.env): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name.startsWith('OTEL_')))

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
    caFile: read('MQTT_CA'),
    certFile: read('MQTT_CERT'),
    keyFile: read('MQTT_KEY')
  }
  const oidc = toOidc(
    {
      issuer: read('RIALTO_OIDC_ISSUER'),
      audience: read('RIALTO_OIDC_AUDIENCE'),
      grantsClaim: read('RIALTO_OIDC_GRANTS_CLAIM') ?? '',
      tenantClaim: read('RIALTO_OIDC_TENANT_CLAIM'),
      clockToleranceSeconds: read('RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS') ?? 0,
      allowHttp: read('RIALTO_OIDC_ALLOW_HTTP') ?? false
    },
    faults
  )
  const tls = toTls(
    {
      certFile: read('RIALTO_TLS_CERT_FILE'),
      keyFile: read('RIALTO_TLS_KEY_FILE'),
      passphrase: read('RIALTO_TLS_KEY_PASSPHRASE')
    },
    faults
  )
  const anonymous = read('RIALTO_ALLOW_ANONYMOUS')
  const asksNobody = (environment['RIALTO_OIDC_ISSUER'] ?? '') === '' && key === null
  if (!isLoopback(host) && asksNobody && anonymous === null) {
    faults.push(
      `HOST is ${host}, beyond loopback, and it is not said who may come in. Set RIALTO_API_KEY to at least 16 characters, ` +
        'or RIALTO_OIDC_ISSUER, or RIALTO_ALLOW_ANONYMOUS=false if keys are made by `rialto keys create`, ' +
        'or RIALTO_ALLOW_ANONYMOUS=true if everybody on that network may read and command everything.'
    )
  }
  const { certFile, keyFile } = secrets
  if ((certFile === null) !== (keyFile === null)) faults.push('MQTT_CERT and MQTT_KEY go together; set both.')
  const fault = certFile === null || keyFile === null ? null : pairFault(certFile, keyFile)
  if (fault !== null)
    faults.push(`${fault.part === 'cert' ? 'MQTT_CERT' : 'MQTT_KEY'} names a file that ${fault.message}.`)
  // Who gives these means TLS; without it nothing would ask for them, and all would go in the clear
  if (
    mqttUrl !== null &&
    /^(mqtt|ws):/i.test(mqttUrl) &&
    [secrets.caFile, certFile].some((file) => file !== null)
  )
    faults.push(
      'MQTT_CA or MQTT_CERT is set, and MQTT_URL is without TLS: use mqtts or wss, or leave them out.'
    )
  const [hostId, sparkplugTopics] = [read('RIALTO_SPARKPLUG_HOST'), read('RIALTO_SPARKPLUG_TOPICS')]
  const config: Config = {
    host,
    port: read('PORT') ?? 0,
    portGiven: (environment['PORT'] ?? '') !== '',
    shutdownGraceSeconds: read('RIALTO_SHUTDOWN_GRACE_SECONDS') ?? 0,
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
    retention: read('RIALTO_RETENTION'),
    auditKeepSeconds: read('RIALTO_AUDIT_RETENTION')!,
    heldBytes: read('RIALTO_HELD_BYTES') ?? 0,
    mappingsFile: read('RIALTO_CONFIG'),
    mappingsFileGiven: (environment['RIALTO_CONFIG'] ?? '') !== '',
    apiKey: key,
    anonymous: anonymous ?? (isLoopback(host) && asksNobody),
    oidc,
    tls,
    webhooksPrivate: read('RIALTO_WEBHOOKS_PRIVATE') ?? false,
    corsOrigins: read('RIALTO_CORS_ORIGINS') ?? [],
    requestsPerMinute: toRate(read('RIALTO_RATE_LIMIT'), host),
    trustedProxies: read('RIALTO_TRUSTED_PROXIES') ?? [],
    explorers: read('RIALTO_EXPLORERS') ?? isLoopback(host),
    graphqlDocumentsFile: read('RIALTO_GRAPHQL_DOCUMENTS'),
    graphqlOnlyDocuments: read('RIALTO_GRAPHQL_ONLY_DOCUMENTS') ?? false,
    embeddedMqttPort: read('RIALTO_MQTT_PORT') ?? 0,
    embeddedMqttWsPort: read('RIALTO_MQTT_WS_PORT') ?? 0
  }
  if (config.graphqlOnlyDocuments && config.graphqlDocumentsFile === null)
    faults.push(
      'RIALTO_GRAPHQL_ONLY_DOCUMENTS is true, and there is no RIALTO_GRAPHQL_DOCUMENTS: name the file that lists them.'
    )
  if (faults.length > 0) throw new ConfigError(faults)
  return Object.freeze(config)
}
