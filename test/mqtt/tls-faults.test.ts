import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ConnectError } from '../../src/mqtt/connect-error.ts'
import { nextVersion } from '../../src/mqtt/protocol-version.ts'
import { tlsError, tlsFaultOf, tlsFaults, toTlsError } from '../../src/mqtt/tls-faults.ts'

const document = readFileSync(new URL('../../docs/tls.md', import.meta.url), 'utf8')

test('docs/tls.md lists every code, and no other', () => {
  const listed = [...document.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code!)
  assert.deepEqual(listed.toSorted(), Object.keys(tlsFaults).toSorted())
})

const error = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code })

test('what Node and OpenSSL say, by our codes', () => {
  const table: Array<[string, string | null]> = [
    ['CERT_HAS_EXPIRED', 'certificate_expired'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'certificate_unknown_authority'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate_wrong_host'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_certificate_refused'],
    ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'client_certificate_refused'],
    ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED', 'client_certificate_refused'],
    ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'client_certificate_refused'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'client_certificate_refused'],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'client_certificate_refused'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls_failed'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_failed'],
    ['ECONNREFUSED', null],
    ['ECONNRESET', null],
    ['constructor', null]
  ]
  for (const [code, fault] of table) assert.equal(tlsFaultOf(error(code)), fault, code)
  assert.equal(tlsFaultOf(new Error('connack timeout')), null)
})

test('only where TLS is asked for; and it says nothing of the version of MQTT', () => {
  const expired = error('CERT_HAS_EXPIRED', 'certificate has expired')
  assert.equal(toTlsError({ url: 'mqtt://host' }, expired), null)
  assert.equal(toTlsError({ url: 'mqtts://host' }, null), null)
  const told = toTlsError({ url: 'wss://host' }, expired)
  assert.ok(told instanceof ConnectError)
  assert.match(told.message, /renew it there.*\(certificate has expired\)/)
  for (const fault of Object.keys(tlsFaults) as Array<keyof typeof tlsFaults>) {
    assert.equal(nextVersion(5, tlsError(fault, 'x', new Error('x')), null), 5, fault)
    assert.equal(nextVersion(4, tlsError(fault, 'x', new Error('x')), 4), 4, fault)
  }
})
