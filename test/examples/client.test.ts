/**
 * The package as npm packs it, installed beside a program: docs/client.md pasted into Node and into a browser, its types into
 * a compiler, while the service is killed and comes back.
 */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { request } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { freePort, startMosquitto } from '../support/mosquitto.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'

const root = new URL('../../', import.meta.url).pathname
const run = promisify(execFile)
const document = await readFile(join(root, 'docs/client.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...document.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map((match) => match[1]!)

const directory = await mkdtemp(join(tmpdir(), 'rialto-client-'))
const installed = join(directory, 'node_modules/rialto')
let pageServer: Server
let environment: Record<string, string>
let service: Service
const start = (): Promise<Service> => startService(environment, { arguments: ['--demo'] })
const ready = (): Promise<unknown> =>
  eventually(
    async () => (await request(`${service.url}/v1/topics?filter=demo/%2B/telemetry`)).body.items?.length === 6
  )

before(async () => {
  // What is packed, not what lies here. Without its dependencies: the client has none
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', directory],
    {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024
    }
  )
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  await mkdir(installed, { recursive: true })
  await run('tar', ['-xzf', join(directory, filename), '-C', installed, '--strip-components=1'])
  const [tail, warm] = blocks('js')
  await writeFile(join(directory, 'tail.mjs'), tail!)
  await writeFile(join(directory, 'warm.mjs'), warm!)
  await cp(join(installed, 'dist/client'), join(directory, 'pages/client'), { recursive: true })

  pageServer = createServer((asked, answer) => {
    const type = extname(asked.url!) === '.js' ? 'text/javascript' : 'text/html'
    readFile(join(directory, 'pages', asked.url!)).then(
      (text) => answer.setHeader('content-type', type).end(text),
      () => answer.writeHead(404).end()
    )
  }).listen(0, '127.0.0.1')
  await once(pageServer, 'listening')
  atEnd(() => void pageServer.close())

  const broker = await startMosquitto()
  const port = await freePort()
  environment = {
    DATABASE_URL: await createDatabase(),
    MQTT_URL: broker.url,
    PORT: String(port),
    RIALTO_CORS_ORIGINS: originOfPages()
  }
  service = await start()
  await ready()
})

const originOfPages = (): string => `http://127.0.0.1:${(pageServer.address() as AddressInfo).port}`

function spawnNode(command: string): { child: ChildProcess; output: () => string } {
  const [, ...words] = command.trim().split(' ')
  const child = spawn(
    process.execPath,
    words.map((word) => word.replaceAll("'", '')),
    {
      cwd: directory,
      env: { PATH: process.env['PATH'], RIALTO_URL: service.url },
      stdio: ['ignore', 'pipe', 'pipe']
    }
  )
  atEnd(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (output += data.toString()))
  return { child, output: () => output }
}

test('the package has what users need, and nothing else', async () => {
  const names = await readdir(installed)
  assert.deepEqual(names.toSorted(), [
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist',
    'docs',
    'openapi.yaml',
    'package.json',
    'prisma'
  ])
})

test('the tail goes on where it was when the service is killed and comes back', async () => {
  const { child, output } = spawnNode(blocks('sh')[0]!)
  const lines = (): number => output().match(/^demo\/lab\/telemetry \{/gm)?.length ?? 0
  await eventually(() => lines() > 0, { what: output() })
  await service.kill('SIGKILL')
  await eventually(() => output().includes('away'))
  const seen = lines()
  service = await start()
  await eventually(() => lines() > seen + 1, { withinMs: 60_000, what: 'it goes on' })
  child.kill('SIGINT')
})

test('the job warms every room', async () => {
  await ready()
  const { child, output } = spawnNode(blocks('sh')[1]!)
  await once(child, 'exit')
  assert.equal(output().match(/^demo\/\w+\/telemetry [\d.]+ succeeded$/gm)?.length, 6, output())
})

test('the page shows each room, and goes on when the service comes back', async () => {
  const page = blocks('html')[0]!.replace('http://127.0.0.1:3000', service.url)
  await writeFile(join(directory, 'pages/rooms.html'), page)
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
  })
  atEnd(() => browser.close())
  const tab = await browser.newPage()
  const errors: string[] = []
  tab.on('pageerror', (error) => errors.push(error.message))
  await tab.goto(`${originOfPages()}/rooms.html`)
  const times = (): Promise<string[]> => tab.locator('td:nth-child(3)').allTextContents()
  await eventually(async () => (await times()).length === 6, { what: 'all rooms are there' })
  await service.kill('SIGKILL')
  await eventually(async () => (await tab.locator('p').textContent())!.includes('Away'))
  const shown = await times()
  service = await start()
  await eventually(async () => (await times()).every((time, at) => time !== shown[at]), {
    withinMs: 60_000,
    what: 'every row moves on'
  })
  assert.deepEqual([(await times()).length, errors], [6, []])
})

test('its types are those of a program that is installed beside it', async () => {
  await writeFile(join(directory, 'typed.mts'), blocks('ts')[0]!)
  await writeFile(
    join(directory, 'wrong.mts'),
    `import { createClient } from 'rialto/client'\nawait createClient({ url: '' }).get('/v1/nothing')\n`
  )
  const compile = (file: string): Promise<string> => {
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--skipLibCheck',
      'false'
    ]
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
    return run(join(root, 'node_modules/.bin/tsc'), [...options, ...types, '--lib', 'es2024,dom', file], {
      cwd: directory
    }).then(
      () => '',
      (error: { stdout: string }) => error.stdout
    )
  }
  assert.equal(await compile('typed.mts'), '')
  assert.match(await compile('wrong.mts'), /^wrong\.mts\(2,\d+\): error TS2345/)
})
