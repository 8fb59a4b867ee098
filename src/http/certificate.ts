/**
 * The certificate that HTTPS shows: two files, looked at again and again, so that whoever renews them (certbot, Kubernetes)
 * does nothing else. What is looked at is their content, since a renewal may also be a symbolic link that points elsewhere.
 */

import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { CertificatePair, Validity } from '../certificate.ts'
import { CertificateFault, checkPair } from '../certificate.ts'
import type { Limits } from '../limits.ts'
import type { CertificateStatus } from '../service-status.ts'

/** Paths of PEM files. */
export interface CertificateFiles {
  certFile: string
  keyFile: string
  passphrase: string | null
}

export interface ServedCertificate {
  /** In use. */
  pair(): CertificatePair
  status(): CertificateStatus
  /** Calls with each pair that takes the place of the one before. */
  onChange(listener: (pair: CertificatePair) => void): void
  close(): void
}

const variables = { ca: '', cert: 'RIALTO_TLS_CERT_FILE', key: 'RIALTO_TLS_KEY_FILE' }

/** Throws where the files are not usable now, with the variable and the fix. */
export async function openCertificate(
  files: CertificateFiles,
  { limits, log }: { limits: Pick<Limits, 'tlsReadMs' | 'tlsFileBytesMax'>; log: Logger }
): Promise<ServedCertificate> {
  const listeners: Array<(pair: CertificatePair) => void> = []
  let pair = await readPair(files, limits)
  let validity = check(pair)
  let readAt = Date.now()
  let fault: string | null = null
  /** What was found at the last look, and is not usable. */
  let suspected: string | null = null
  warnOfTime(validity, log)

  async function look(): Promise<void> {
    try {
      const found = await readPair(files, limits)
      if (found.cert !== pair.cert || found.key !== pair.key) {
        validity = check(found)
        pair = found
        readAt = Date.now()
        for (const listener of listeners) listener(pair)
        log.info({ validTo: new Date(validity.to).toISOString() }, 'The certificate of HTTPS is renewed')
        warnOfTime(validity, log)
      }
      suspected = fault = null
    } catch (error) {
      // Between its two writes a renewal is a pair that does not fit: what lasts is a fault, and said once
      const { message } = error as Error
      if (message === suspected && message !== fault) {
        fault = message
        log.error({ err: error }, `The certificate of HTTPS stays as it is: ${message}`)
      }
      suspected = message
    }
  }

  let looking = false
  const timer = setInterval(() => {
    if (looking) return
    looking = true
    void look().finally(() => (looking = false))
  }, limits.tlsReadMs)
  timer.unref()
  return {
    pair: () => pair,
    status: () => ({
      validFrom: new Date(validity.from).toISOString(),
      validTo: new Date(validity.to).toISOString(),
      readAt: new Date(readAt).toISOString(),
      fault
    }),
    onChange: (listener) => void listeners.push(listener),
    close: () => clearInterval(timer)
  }
}

function check(pair: CertificatePair): Validity {
  try {
    return checkPair(pair)
  } catch (error) {
    if (!(error instanceof CertificateFault)) throw error
    throw new Error(`${variables[error.part]} ${error.message}; ${fixes[error.part]}`, { cause: error })
  }
}

const fixes = {
  ca: '',
  cert: 'give the certificate, and then those between it and the authority',
  key: 'give the key that the certificate was made for, and RIALTO_TLS_KEY_PASSPHRASE where it is encrypted'
}

async function readPair(
  { certFile, keyFile, passphrase }: CertificateFiles,
  { tlsFileBytesMax }: Pick<Limits, 'tlsFileBytesMax'>
): Promise<CertificatePair> {
  const read = async (variable: string, path: string): Promise<string> => {
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `${variable} names a file that cannot be read (${error.code}); give the path of a PEM file`,
        {
          cause: error
        }
      )
    })
    if (bytes.length > tlsFileBytesMax)
      throw new Error(
        `${variable} names a file of more than ${tlsFileBytesMax} bytes; give the path of a PEM file`
      )
    return bytes.toString('latin1')
  }
  return {
    cert: await read(variables.cert, certFile),
    key: await read(variables.key, keyFile),
    ...(passphrase !== null && { passphrase })
  }
}

/** It is shown all the same: clients refuse it, and messages go on being received. */
function warnOfTime({ from, to }: Validity, log: Logger): void {
  const now = Date.now()
  if (now > to)
    log.error({ validTo: new Date(to).toISOString() }, 'The certificate of HTTPS has expired: renew it')
  if (now < from)
    log.error(
      { validFrom: new Date(from).toISOString() },
      'The certificate of HTTPS is not valid yet: check the clock'
    )
}
