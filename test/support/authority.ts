/** An authority of its own for a test, by `openssl`; its clock is moved by `faketime`. Their absence fails the test. */

import { execFile } from 'node:child_process'
import { mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { atEnd } from './cleanup.ts'

const run = promisify(execFile)
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

export interface Authority {
  directory: string
  /** Path of its own certificate. */
  ca: string
  /**
   * Signs a certificate for one day from now, or from the clock that is given (`-10d`), and puts it and its key in the
   * place of `name`.pem and `name`.key, each in one go.
   */
  issue(name: string, options?: { host?: string; clock?: string }): Promise<{ cert: string; key: string }>
}

export async function createAuthority(): Promise<Authority> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-authority-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  const at = (name: string): string => join(directory, name)
  const [ca, caKey] = [at('ca.pem'), at('ca.key')]
  const subject = ['-subj', `/CN=${basename(directory)}`, '-days', '3650']
  await run('openssl', ['req', '-x509', ...newKey, '-keyout', caKey, '-out', ca, ...subject])
  return {
    directory,
    ca,
    async issue(name, { host = 'localhost', clock = '+0d' } = {}) {
      const names = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`]
      const signed = [
        '-CA',
        ca,
        '-CAkey',
        caKey,
        '-days',
        '1',
        '-addext',
        'basicConstraints=critical,CA:FALSE'
      ]
      const files = ['-keyout', at('new.key'), '-out', at('new.pem')]
      const request = ['openssl', 'req', '-x509', ...newKey, ...files, ...names, ...signed]
      await run('faketime', ['-f', clock, ...request])
      const [cert, key] = [at(`${name}.pem`), at(`${name}.key`)]
      await rename(at('new.key'), key)
      await rename(at('new.pem'), cert)
      return { cert, key }
    }
  }
}
