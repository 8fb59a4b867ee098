/**
 * What TLS towards a broker needs, read anew for each connection: a file that was renewed is used from the next one on,
 * and one that is not usable leaves no connection, but never one without TLS.
 */

import { readFile } from 'node:fs/promises'
import { CertificateFault, checkPair, readCertificates } from '../certificate.ts'
import type { Broker } from '../model.ts'
import { tlsError } from './tls-faults.ts'

/** PEM. */
export interface TlsSecrets {
  ca?: string
  cert?: string
  key?: string
}

/** Throws ConnectError (`certificate_file_unusable`), which names the variable. */
export async function readSecrets({ caFile, certFile, keyFile }: Broker): Promise<TlsSecrets> {
  const secrets: TlsSecrets = {
    ...(caFile !== undefined && { ca: await read('MQTT_CA', caFile) }),
    ...(certFile !== undefined && { cert: await read('MQTT_CERT', certFile) }),
    ...(keyFile !== undefined && { key: await read('MQTT_KEY', keyFile) })
  }
  const { ca, cert, key } = secrets
  try {
    if (ca !== undefined) readCertificates(ca, 'ca')
    if (cert !== undefined && key !== undefined) checkPair({ cert, key })
  } catch (error) {
    if (!(error instanceof CertificateFault)) throw error
    throw unusable(variables[error.part], error.message, error)
  }
  return secrets
}

const variables = { ca: 'MQTT_CA', cert: 'MQTT_CERT', key: 'MQTT_KEY' }

const read = (variable: string, path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw unusable(variable, `cannot be read: ${error.code}`, error)
  })

const unusable = (variable: string, what: string, cause: unknown) =>
  tlsError('certificate_file_unusable', `that of ${variable} ${what}`, cause)
