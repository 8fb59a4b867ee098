import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { Agent, request } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { connect } from 'node:tls'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import { WebSocket } from 'ws'
import type { CertificateFiles, ServedCertificate } from '../../src/http/certificate.ts'
import { openCertificate } from '../../src/http/certificate.ts'
import { defaultLimits } from '../../src/limits.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { connected, createBareServer } from './server.ts'

const pem = (name: string): string =>
  readFileSync(new URL(`../support/tls/${name}.pem`, import.meta.url), 'utf8')
const limits = { ...defaultLimits, tlsReadMs: 20 }

interface Served {
  app: FastifyInstance
  port: number
  certificate: ServedCertificate
  files: CertificateFiles
  lines: Array<Record<string, unknown>>
}

async function pairIn(directory: string, cert: string, key: string): Promise<CertificateFiles> {
  await writeFile(join(directory, 'tls.crt'), cert)
  await writeFile(join(directory, 'tls.key'), key)
  return { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key'), passphrase: null }
}

async function folder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-tls-'))
  atEnd(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const lineLog = (lines: Array<Record<string, unknown>>) =>
  pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) })

/** REST over HTTPS, with the pair of `server.pem` at first. */
async function serve(given?: CertificateFiles): Promise<Served> {
  const files = given ?? (await pairIn(await folder(), pem('server'), pem('server-key')))
  const lines: Served['lines'] = []
  const certificate = await openCertificate(files, { limits, log: lineLog(lines) })
  atEnd(() => certificate.close())
  const status = () => ({ ...connected, certificate: certificate.status() })
  const app = await createBareServer({ parts: { certificate, status } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as AddressInfo).port, certificate, files, lines }
}

const opened = async (port: number, options: object = {}): Promise<TLSSocket> => {
  const socket = connect({ host: '127.0.0.1', port, ca: pem('ca'), ...options })
  atEnd(() => socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

/** What a connection that begins now is shown. */
async function shown(port: number): Promise<string> {
  const socket = await opened(port, { checkServerIdentity: () => undefined })
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

const fingerprint = (name: string): string => new X509Certificate(pem(name)).fingerprint256

const get = (port: number, path: string, agent?: Agent) =>
  new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const asking = request(
        { host: '127.0.0.1', port, path, ca: pem('ca'), ...(agent && { agent }) },
        (answer) => {
          let text = ''
          answer.on('data', (data: Buffer) => (text += data.toString()))
          answer.on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers, text }))
        }
      )
      asking.on('error', reject)
      asking.end()
    }
  )

test('HTTPS: a client that knows the authority reads, is told to come by https again, and no other way in is open', async () => {
  const { port } = await serve()
  const answer = await get(port, '/livez')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['strict-transport-security'], 'max-age=31536000')
  await assert.rejects(
    new Promise((_, reject) =>
      request({ host: '127.0.0.1', port, path: '/livez' }).on('error', reject).end()
    ),
    /certificate/
  )
  // By http to the same port: no answer of REST
  await assert.rejects(
    new Promise((resolve, reject) =>
      httpRequest({ host: '127.0.0.1', port, path: '/livez' }, resolve).on('error', reject).end()
    )
  )
  assert.equal((await get(port, '/livez')).status, 200)
})

test('TLS 1.2 and 1.3 are spoken, 1.1 is not', async () => {
  const { port } = await serve()
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await opened(port, { minVersion: version, maxVersion: version })
    assert.equal(socket.getProtocol(), version)
    socket.destroy()
  }
  const ciphers = 'DEFAULT:@SECLEVEL=0'
  const old = connect({
    host: '127.0.0.1',
    port,
    ca: pem('ca'),
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers
  })
  const [error] = (await once(old, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
})

test('HTTP without TLS says nothing of strict transport', async () => {
  const app = await createBareServer({})
  assert.equal((await app.inject('/livez')).headers['strict-transport-security'], undefined)
})

test('who begins no handshake is let go of', async () => {
  const certificate = await openCertificate(await pairIn(await folder(), pem('server'), pem('server-key')), {
    limits,
    log: lineLog([])
  })
  atEnd(() => certificate.close())
  const app = await createBareServer({ parts: { certificate }, limits: { tlsHandshakeMsMax: 50 } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket: Socket = connectTcp((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'close')
})

test('a renewed pair is shown from then on; connections that were there go on', async () => {
  const { port, files, certificate, app } = await serve()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  atEnd(() => agent.destroy())
  const before = await get(port, '/v1/status', agent)
  assert.equal(await shown(port), fingerprint('server'))
  await writeFile(files.certFile, pem('other'))
  await writeFile(files.keyFile, pem('other-key'))
  await eventually(async () => (await shown(port)) === fingerprint('other'), { what: 'the other is shown' })
  // The other names another host, so a connection that began now would be refused by the client
  const after = await get(port, '/v1/status', agent)
  assert.deepEqual([before.status, after.status], [200, 200])
  await assert.rejects(get(port, '/livez'), /does not match certificate/)
  const { validTo, fault } = certificate.status()
  assert.equal(fault, null)
  assert.equal(validTo, new Date(new X509Certificate(pem('other')).validTo).toISOString())
  const { body } = await app.inject('/metrics')
  assert.match(
    body,
    new RegExp(`rialto_tls_certificate_expiry_timestamp_seconds ${Date.parse(validTo) / 1_000}`)
  )
})

test('a renewal by a symbolic link that is put in the place of another, as Kubernetes does', async () => {
  const directory = await folder()
  for (const [version, name] of [
    ['v1', 'server'],
    ['v2', 'other']
  ] as const) {
    await mkdir(join(directory, version))
    await pairIn(join(directory, version), pem(name), pem(`${name}-key`))
  }
  await symlink('v1', join(directory, 'data'))
  await symlink('data/tls.crt', join(directory, 'tls.crt'))
  await symlink('data/tls.key', join(directory, 'tls.key'))
  const { port } = await serve({
    certFile: join(directory, 'tls.crt'),
    keyFile: join(directory, 'tls.key'),
    passphrase: null
  })
  assert.equal(await shown(port), fingerprint('server'))
  await symlink('v2', join(directory, 'next'))
  await rename(join(directory, 'next'), join(directory, 'data'))
  await eventually(async () => (await shown(port)) === fingerprint('other'), { what: 'the other is shown' })
})

const faults: Array<[what: string, cert: string, key: string, fault: RegExp]> = [
  [
    'a key of another',
    pem('server'),
    pem('client-key'),
    /RIALTO_TLS_KEY_FILE holds the private key of another/
  ],
  ['no certificate', 'nothing', pem('server-key'), /RIALTO_TLS_CERT_FILE holds no certificate/],
  [
    'half of one',
    pem('server').slice(0, 300),
    pem('server-key'),
    /RIALTO_TLS_CERT_FILE holds no certificate/
  ],
  [
    'a broken one',
    pem('server').replace('MII', 'AAA'),
    pem('server-key'),
    /RIALTO_TLS_CERT_FILE holds a certificate/
  ],
  [
    'a broken chain',
    pem('server') + pem('ca').replace('MII', 'AAA'),
    pem('server-key'),
    /RIALTO_TLS_CERT_FILE holds/
  ],
  ['no key', pem('server'), '', /RIALTO_TLS_KEY_FILE holds no private key/],
  ['the two exchanged', pem('server-key'), pem('server'), /RIALTO_TLS_CERT_FILE holds no certificate/]
]
for (const [what, cert, key, fault] of faults) {
  test(`${what}: no start; and, later, the one before stays, with one line and a word in the status`, async () => {
    await assert.rejects(serve(await pairIn(await folder(), cert, key)), fault)
    const { port, files, lines, app } = await serve()
    await writeFile(files.certFile, cert)
    await writeFile(files.keyFile, key)
    const said = () => lines.filter(({ level }) => level === 50)
    await eventually(() => said().length > 0, { what: 'it is said' })
    assert.equal(await shown(port), fingerprint('server'))
    const { certificate } = (await app.inject('/v1/status')).json<{ certificate: { fault: string } }>()
    assert.match(certificate.fault, fault)
    // Then it is made good, and nothing more was said
    await writeFile(files.certFile, pem('other'))
    await writeFile(files.keyFile, pem('other-key'))
    await eventually(async () => (await shown(port)) === fingerprint('other'), { what: 'the other is shown' })
    assert.ok(new Set(said().map(({ msg }) => msg)).size === said().length, JSON.stringify(said()))
    assert.match(String(said()[0]!['msg']), fault)
    assert.doesNotMatch(JSON.stringify(lines), /PRIVATE KEY-----[\\n]+M/)
  })
}

test('a file that goes away: the pair stays in use, and the status says so', async () => {
  const { port, files, certificate } = await serve()
  await rm(files.keyFile)
  await eventually(() => certificate.status().fault !== null, { what: 'it is said' })
  assert.match(certificate.status().fault!, /RIALTO_TLS_KEY_FILE names a file that cannot be read \(ENOENT\)/)
  assert.equal(await shown(port), fingerprint('server'))
  await assert.rejects(serve({ ...files, certFile: '/no/such/file' }), /RIALTO_TLS_CERT_FILE names a file/)
})

test('a WebSocket by wss', async () => {
  const { port } = await serve()
  const socket = new WebSocket(`wss://127.0.0.1:${port}/nowhere`, { ca: pem('ca') })
  const [{ message }] = (await once(socket, 'error')) as [Error]
  assert.match(message, /404|Unexpected server response/)
})
