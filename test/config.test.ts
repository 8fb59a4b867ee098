import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, isLoopback, readConfig } from '../src/config.ts'
import { variables } from '../src/config-variables.ts'

const faultsOf = (environment: Record<string, string>): string => {
  try {
    readConfig(environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.message
  }
  return ''
}

test('without any variable everything has a default', () => {
  const config = readConfig({})
  assert.deepEqual(
    [config.host, config.port, config.databaseUrl, config.broker, config.filters, config.qos],
    ['127.0.0.1', 3000, null, null, ['#'], 2]
  )
  assert.equal(config.retention, null)
})

test('an empty variable counts as not set, as compose files leave them', () => {
  assert.deepEqual(
    readConfig(Object.fromEntries(Object.keys(variables).map((name) => [name, '']))),
    readConfig({})
  )
})

test('every wrong value names the variable and the fix, all at once', () => {
  const table: Array<[string, string, RegExp]> = [
    ['PORT', '70000', /PORT is not a port; use 1 to 65535/],
    ['PORT', '3000x', /PORT/],
    ['LOG_LEVEL', 'loud', /LOG_LEVEL is not one of .*info/],
    ['DATABASE_URL', 'mysql://x', /DATABASE_URL has the scheme mysql; use postgres/],
    ['DATABASE_URL', 'nonsense', /DATABASE_URL is not a URL; use for instance/],
    ['MQTT_URL', 'http://x', /MQTT_URL has the scheme http; use mqtt, mqtts, ws, wss/],
    ['MQTT_CA', '/no/such/file', /MQTT_CA names a file that cannot be read \(ENOENT\)/],
    ['RIALTO_CORS_ORIGINS', '*', /RIALTO_CORS_ORIGINS has "\*", which is no origin/],
    ['RIALTO_CORS_ORIGINS', 'https://a.example/', /which is no origin; write scheme, host and port alone/],
    ['RIALTO_CORS_ORIGINS', 'null', /no origin/],
    ['RIALTO_RATE_LIMIT', '-1', /RIALTO_RATE_LIMIT is not a number of requests from 0/],
    [
      'RIALTO_TRUSTED_PROXIES',
      '10.0.0.0/33',
      /has "10.0.0.0\/33", which is no address or network; write them as/
    ],
    ['RIALTO_TRUSTED_PROXIES', 'proxy.local', /RIALTO_TRUSTED_PROXIES has "proxy.local"/],
    ['RIALTO_TRUSTED_PROXIES', 'fd00::/8/9', /no address or network/],
    ['RIALTO_TOPICS', 'a/#/b', /RIALTO_TOPICS has the filter "a\/#\/b", but # stands only at the end/],
    ['RIALTO_QOS', '3', /RIALTO_QOS is not one of 0, 1, 2/],
    ['RIALTO_SESSION_EXPIRY_SECONDS', '5', /from 60 to/],
    ['RIALTO_RETENTION', '7 weeks', /RIALTO_RETENTION has "7 weeks"; use a time/],
    ['RIALTO_RETENTION', '0d', /RIALTO_RETENTION/],
    ['RIALTO_HELD_BYTES', '64', /RIALTO_HELD_BYTES is no size of at least 1 MiB; write it as in 64MiB/],
    ['RIALTO_HELD_BYTES', '1000KB', /RIALTO_HELD_BYTES/],
    ['RIALTO_HELD_BYTES', '0MiB', /RIALTO_HELD_BYTES/],
    ['RIALTO_CLIENT_ID', 'a/b', /RIALTO_CLIENT_ID is not usable/],
    ['RIALTO_SPARKPLUG_HOST', 'a/b', /RIALTO_SPARKPLUG_HOST is no host id: it has no \/; use for instance/],
    ['RIALTO_SPARKPLUG_HOST', 'a+', /RIALTO_SPARKPLUG_HOST is no host id: it has no wildcards/],
    ['RIALTO_SPARKPLUG_HOST', '#', /RIALTO_SPARKPLUG_HOST is no host id/],
    ['RIALTO_SPARKPLUG_HOST', 'a\u0000', /RIALTO_SPARKPLUG_HOST is no host id/],
    ['RIALTO_SPARKPLUG_HOST', '\ud800', /RIALTO_SPARKPLUG_HOST is no host id/],
    ['RIALTO_SPARKPLUG_TOPICS', 'a/#/b', /RIALTO_SPARKPLUG_TOPICS has the filter/],
    ['RIALTO_API_KEY', 'short', /RIALTO_API_KEY is too weak; use at least 16/],
    ['RIALTO_ALLOW_ANONYMOUS', 'yes', /RIALTO_ALLOW_ANONYMOUS is not one of true, false/],
    ['RIALTO_OIDC_ISSUER', 'login.example', /RIALTO_OIDC_ISSUER is not a URL; use for instance https:/],
    ['RIALTO_OIDC_ISSUER', 'ldap://login.example', /RIALTO_OIDC_ISSUER has the scheme ldap; use https/],
    [
      'RIALTO_OIDC_ISSUER',
      'https://login.example',
      /there is no RIALTO_OIDC_AUDIENCE: set it to what tokens/
    ],
    [
      'RIALTO_OIDC_ISSUER',
      'http://login.example',
      /RIALTO_OIDC_ISSUER is an http URL beyond loopback: use https/
    ],
    ['RIALTO_OIDC_ISSUER', 'http://127.evil.example', /RIALTO_OIDC_ISSUER is an http URL beyond loopback/],
    [
      'RIALTO_OIDC_ISSUER',
      'https://login.example/?a=b',
      /RIALTO_OIDC_ISSUER has a query, a fragment or a user/
    ],
    [
      'RIALTO_OIDC_ISSUER',
      'https://u@login.example/',
      /RIALTO_OIDC_ISSUER has a query, a fragment or a user/
    ],
    ['RIALTO_OIDC_AUDIENCE', 'rialto', /RIALTO_OIDC_AUDIENCE is set, and there is no RIALTO_OIDC_ISSUER/],
    ['RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS', '301', /is not a number of seconds from 0 to 300/],
    ['RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS', '-1', /RIALTO_OIDC_CLOCK_TOLERANCE_SECONDS is not a number/],
    ['RIALTO_OIDC_ALLOW_HTTP', '1', /RIALTO_OIDC_ALLOW_HTTP is not one of true, false/],
    ['RIALTO_GRAPHQL_DOCUMENTS', '/no/such/file', /RIALTO_GRAPHQL_DOCUMENTS names a file that is not there/],
    ['RIALTO_GRAPHQL_ONLY_DOCUMENTS', 'yes', /RIALTO_GRAPHQL_ONLY_DOCUMENTS is not one of true, false/],
    ['RIALTO_GRAPHQL_ONLY_DOCUMENTS', 'true', /there is no RIALTO_GRAPHQL_DOCUMENTS: name the file/],
    [
      'RIALTO_TLS_CERT_FILE',
      '/tls.crt',
      /RIALTO_TLS_CERT_FILE is set, and there is no RIALTO_TLS_KEY_FILE: set both/
    ],
    [
      'RIALTO_TLS_KEY_FILE',
      '/tls.key',
      /RIALTO_TLS_KEY_FILE is set, and there is no RIALTO_TLS_CERT_FILE: set both/
    ],
    [
      'RIALTO_TLS_KEY_PASSPHRASE',
      'x',
      /RIALTO_TLS_KEY_PASSPHRASE is set, and there is no RIALTO_TLS_KEY_FILE/
    ],
    ['MQTT_CA', import.meta.filename, /MQTT_CA names a file that holds no certificate/],
    ['MQTT_CERT', import.meta.filename, /MQTT_CERT names a file that holds no certificate/],
    ['MQTT_KEY', import.meta.filename, /MQTT_CERT and MQTT_KEY go together/]
  ]
  for (const [name, value, fault] of table) assert.match(faultsOf({ [name]: value }), fault)
  const both = faultsOf({ PORT: 'x', RIALTO_QOS: 'y' })
  assert.match(both, /PORT[\s\S]*RIALTO_QOS/)
})

test('a client certificate with the key of another, and an authority where nothing is TLS', () => {
  const pem = (name: string): string => new URL(`support/tls/${name}.pem`, import.meta.url).pathname
  const own = { MQTT_URL: 'mqtts://host', MQTT_CERT: pem('client'), MQTT_KEY: pem('client-key') }
  assert.equal(faultsOf(own), '')
  assert.match(
    faultsOf({ ...own, MQTT_KEY: pem('other-key') }),
    /MQTT_KEY names a file that holds the private/
  )
  assert.match(faultsOf({ ...own, MQTT_URL: 'mqtt://host' }), /MQTT_URL is without TLS: use mqtts or wss/)
  assert.match(faultsOf({ MQTT_URL: 'ws://host', MQTT_CA: pem('ca') }), /MQTT_URL is without TLS/)
  assert.equal(readConfig({ MQTT_URL: 'wss://host', MQTT_CA: pem('ca') }).broker!.caFile, pem('ca'))
})

test('a secret never stands in a message', () => {
  const secret = 'mysql://user:hunter2@host'
  assert.doesNotMatch(faultsOf({ DATABASE_URL: secret, RIALTO_API_KEY: 'hunter2' }), /hunter2/)
})

test('retention: a time, a size, both, or forever', () => {
  const of = (value: string) => readConfig({ RIALTO_RETENTION: value }).retention
  assert.deepEqual(of('36h'), { keepSeconds: 129_600, keepBytes: null })
  assert.deepEqual(of('2GiB'), { keepSeconds: null, keepBytes: 2 ** 31 })
  assert.deepEqual(of('1d, 5MB'), { keepSeconds: 86_400, keepBytes: 5e6 })
  assert.deepEqual(of('forever'), { keepSeconds: null, keepBytes: null })
})

test('a Sparkplug host only where one is named', () => {
  assert.equal(readConfig({ RIALTO_SPARKPLUG_TOPICS: 'spBv1.0/G/#' }).sparkplug, null)
  assert.deepEqual(readConfig({ RIALTO_SPARKPLUG_HOST: 'Werk 1 é' }).sparkplug, {
    hostId: 'Werk 1 é',
    topics: ['spBv1.0/#']
  })
  const some = { RIALTO_SPARKPLUG_HOST: 'h', RIALTO_SPARKPLUG_TOPICS: 'spBv1.0/G/#,spBv1.0/H/#' }
  assert.deepEqual(readConfig(some).sparkplug?.topics, ['spBv1.0/G/#', 'spBv1.0/H/#'])
})

test('a size in bytes', () => {
  assert.equal(readConfig({}).heldBytes, 64 * 2 ** 20)
  assert.equal(readConfig({ RIALTO_HELD_BYTES: '2GB' }).heldBytes, 2e9)
})

test('user and password may stand in the URL, and leave it', () => {
  const { broker } = readConfig({ MQTT_URL: 'mqtts://u%40:p%2F@host:8884' })
  assert.deepEqual(broker, { url: 'mqtts://host:8884', username: 'u@', password: 'p/' })
  const given = readConfig({ MQTT_URL: 'mqtt://u:p@host', MQTT_USERNAME: 'other' }).broker
  assert.equal(given!.username, 'other')
})

const issuer = { RIALTO_OIDC_ISSUER: 'https://login.example/realms/a', RIALTO_OIDC_AUDIENCE: 'rialto' }

test('tokens of an issuer, with what is usual where nothing is said', () => {
  assert.equal(readConfig({}).oidc, null)
  assert.deepEqual(readConfig(issuer).oidc, {
    issuer: 'https://login.example/realms/a',
    audience: 'rialto',
    grantsClaim: 'rialto',
    tenantClaim: null,
    clockToleranceSeconds: 5,
    allowHttp: false
  })
  const at = (url: string, more: Record<string, string> = {}): string =>
    faultsOf({ ...issuer, RIALTO_OIDC_ISSUER: url, ...more })
  for (const url of ['http://127.0.0.1:8080', 'http://localhost/a', 'http://[::1]:80/'])
    assert.equal(at(url), '', url)
  assert.equal(at('http://keycloak:8080', { RIALTO_OIDC_ALLOW_HTTP: 'true' }), '')
})

test('anonymous where nobody else is let in and only this machine can come, or as it is said', () => {
  const of = (environment: Record<string, string>): boolean => readConfig(environment).anonymous
  const key = { RIALTO_API_KEY: 'x'.repeat(16) }
  assert.equal(of({}), true)
  assert.equal(of(key), false)
  assert.equal(of(issuer), false)
  assert.equal(of({ ...key, HOST: '0.0.0.0' }), false)
  assert.equal(of({ ...issuer, HOST: '0.0.0.0' }), false)
  for (const others of [{}, key, issuer, { HOST: '0.0.0.0' }]) {
    assert.equal(of({ ...others, RIALTO_ALLOW_ANONYMOUS: 'true' }), true)
    assert.equal(of({ ...others, RIALTO_ALLOW_ANONYMOUS: 'false' }), false)
  }
})

test('beyond loopback only with a key or an issuer, or when said explicitly', () => {
  assert.match(
    faultsOf({ HOST: '0.0.0.0' }),
    /RIALTO_API_KEY.*RIALTO_OIDC_ISSUER.*=false if keys.*=true if everybody/
  )
  assert.equal(faultsOf({ HOST: '0.0.0.0', RIALTO_ALLOW_ANONYMOUS: 'false' }), '')
  assert.equal(faultsOf({ HOST: '0.0.0.0', ...issuer }), '')
  assert.equal(faultsOf({ HOST: '0.0.0.0', RIALTO_API_KEY: 'x'.repeat(16) }), '')
  assert.equal(faultsOf({ HOST: '0.0.0.0', RIALTO_ALLOW_ANONYMOUS: 'true' }), '')
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'example.org'])
    assert.ok(!isLoopback(host), host)
})

test('requests are limited beyond loopback, unless something else is said', () => {
  const rate = (environment: Record<string, string>): number | null =>
    readConfig({ RIALTO_API_KEY: 'sixteen-or-more-characters', ...environment }).requestsPerMinute
  assert.deepEqual(
    [rate({}), rate({ HOST: '0.0.0.0' }), rate({ HOST: '0.0.0.0', RIALTO_RATE_LIMIT: '0' })],
    [null, 60_000, null]
  )
  assert.equal(rate({ RIALTO_RATE_LIMIT: '5' }), 5)
  assert.deepEqual(readConfig({ RIALTO_TRUSTED_PROXIES: '10.0.0.7, fd00::/8' }).trustedProxies, [
    '10.0.0.7',
    'fd00::/8'
  ])
})
