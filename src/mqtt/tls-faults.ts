/** Why no TLS could be agreed on with a broker, by stable codes, and what to do about it (docs/tls.md). Pure. */

import type { Broker } from '../model.ts'
import { ConnectError } from './connect-error.ts'

export const tlsFaults = {
  certificate_expired:
    "the broker's certificate, or one above it, has expired: renew it there, or correct the clock here",
  certificate_not_yet_valid:
    "the broker's certificate, or one above it, is not valid yet: correct the clock here, or the certificate there",
  certificate_wrong_host:
    "the broker's certificate is for another host: use a name in MQTT_URL that it has, or add this one to it",
  certificate_unknown_authority:
    "no authority that is known here signed the broker's certificate: name its file in MQTT_CA, or let the broker send " +
    'the certificates between',
  certificate_invalid: "the broker's certificate is not usable: replace it there",
  client_certificate_refused:
    'the broker does not take our certificate, or wants one: give one that it knows and that is valid in MQTT_CERT and ' +
    'MQTT_KEY',
  certificate_file_unusable: 'a file of MQTT_CA, MQTT_CERT or MQTT_KEY is not usable',
  tls_failed: 'no TLS could be agreed on: see whether the broker speaks TLS 1.2 or later on this port'
} as const

export type TlsFault = keyof typeof tlsFaults

/** OpenSSL's X509_V_ERR_ names as Node gives them. */
const byCode: Record<string, TlsFault> = {
  CERT_HAS_EXPIRED: 'certificate_expired',
  CERT_NOT_YET_VALID: 'certificate_not_yet_valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'certificate_wrong_host',
  HOSTNAME_MISMATCH: 'certificate_wrong_host',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate_unknown_authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate_unknown_authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate_unknown_authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate_unknown_authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate_unknown_authority',
  CERT_SIGNATURE_FAILURE: 'certificate_unknown_authority',
  INVALID_CA: 'certificate_invalid',
  INVALID_PURPOSE: 'certificate_invalid',
  PATH_LENGTH_EXCEEDED: 'certificate_invalid',
  CERT_CHAIN_TOO_LONG: 'certificate_invalid',
  CERT_REVOKED: 'certificate_invalid',
  CERT_UNTRUSTED: 'certificate_invalid',
  CERT_REJECTED: 'certificate_invalid',
  ERROR_IN_CERT_NOT_BEFORE_FIELD: 'certificate_invalid',
  ERROR_IN_CERT_NOT_AFTER_FIELD: 'certificate_invalid'
}

/** Alerts of RFC 8446 section 6.2 that a broker sends about what we showed, or did not. */
const aboutOurs = /ALERT_(NO_|BAD_|UNSUPPORTED_)?(CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/

/** null: `error` is no fault of TLS. */
export function tlsFaultOf(error: Error & { code?: unknown }): TlsFault | null {
  const code = typeof error.code === 'string' ? error.code : ''
  if (Object.hasOwn(byCode, code)) return byCode[code]!
  if (code.startsWith('ERR_SSL_')) return aboutOurs.test(code) ? 'client_certificate_refused' : 'tls_failed'
  // Node's words where the connection was closed in the middle of the handshake
  return /before secure TLS connection was established/.test(error.message) ? 'tls_failed' : null
}

/** What is told of it; null: no TLS is asked for, or it is not to blame. */
export function toTlsError({ url }: Broker, error: Error | null): ConnectError | null {
  const tlsFault = error === null || !/^(mqtts|wss):/.test(url) ? null : tlsFaultOf(error)
  return tlsFault && tlsError(tlsFault, error!.message, error)
}

export const tlsError = (tlsFault: TlsFault, detail: string, cause: unknown): ConnectError =>
  new ConnectError(`${tlsFaults[tlsFault]} (${detail})`, null, { tlsFault, cause })
