/** Certificates and keys as PEM (RFC 7468): whether they are usable, and until when. Pure. */

import { X509Certificate, createPrivateKey } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import type { Millis } from './model.ts'

/** What a server shows, or a client where the server asks for it. */
export interface CertificatePair {
  /** PEM: the certificate, then those between it and the authority. */
  cert: string
  /** PEM. */
  key: string
  passphrase?: string
}

/** Of the first certificate of a file; RFC 5280 section 4.1.2.5. */
export interface Validity {
  from: Millis
  to: Millis
}

/** Which file is at fault; the message begins as one says it of a file, and tells no byte of a key. */
export class CertificateFault extends Error {
  readonly part: 'ca' | 'cert' | 'key'

  constructor(part: 'ca' | 'cert' | 'key', message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CertificateFault'
    this.part = part
  }
}

/** Throws CertificateFault where `pem` has no certificate, or one that does not parse. */
export function readCertificates(pem: string, part: 'ca' | 'cert'): Validity {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const opened = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  if (blocks.length === 0 || blocks.length !== opened)
    throw new CertificateFault(
      part,
      'holds no certificate in PEM that is whole (-----BEGIN CERTIFICATE-----)'
    )
  const [first] = blocks.map((block) => {
    try {
      return new X509Certificate(block)
    } catch (error) {
      throw new CertificateFault(part, 'holds a certificate that cannot be read', { cause: error })
    }
  })
  return { from: Date.parse(first!.validFrom), to: Date.parse(first!.validTo) }
}

/** Throws CertificateFault where either does not parse, or the key is that of another certificate. */
export function checkPair({ cert, key, passphrase }: CertificatePair): Validity {
  const validity = readCertificates(cert, 'cert')
  const certificate = new X509Certificate(cert)
  let fits: boolean
  try {
    fits = certificate.checkPrivateKey(
      createPrivateKey({ key, ...(passphrase !== undefined && { passphrase }) })
    )
  } catch (error) {
    const encrypted = key.includes('ENCRYPTED')
    throw new CertificateFault(
      'key',
      encrypted
        ? 'holds a private key that this passphrase, or none, does not open'
        : 'holds no private key in PEM (-----BEGIN PRIVATE KEY-----)',
      { cause: error }
    )
  }
  if (!fits) throw new CertificateFault('key', 'holds the private key of another certificate')
  try {
    createSecureContext({ cert, key, ...(passphrase !== undefined && { passphrase }) })
  } catch (error) {
    throw new CertificateFault(
      'cert',
      'holds a certificate that OpenSSL does not take, such as one with a weak key',
      {
        cause: error
      }
    )
  }
  return validity
}
