/** Pastes docs/streams.md: every shell block as written, and its page in a real browser, cut off while its ticket runs out. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { request } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/service.ts'

const document = await readFile(new URL('../../docs/streams.md', import.meta.url), 'utf8')
const blocks = [...document.matchAll(/```(sh|js|html)\n([\s\S]*?)```/g)].map((match) => ({
  language: match[1]!,
  text: match[2]!
}))
const textOf = (language: string): string => blocks.find((block) => block.language === language)!.text

/** What each shell block prints, in the order of the document. */
const prints: Array<RegExp[]> = [
  [/^event: progress\n/m, /^event: message\ndata: \{.*"topic":"demo\//m],
  [/^event: state\n[\s\S]*^event: progress\n[\s\S]*^event: state\n/m],
  [/^event: message\ndata: \{.*"topic":"demo\/\w+\/telemetry".*"temperature":/m],
  [/^event: state\n[\s\S]*^event: progress\n[\s\S]*^event: state\ndata: .*"skippedCount":\d/m]
]

async function startDemo(environment: Record<string, string> = {}): Promise<{ url: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-streams-'))
  const data = {
    RIALTO_DATA_DIR: join(directory, '.rialto'),
    RIALTO_MQTT_PORT: '0',
    RIALTO_MQTT_WS_PORT: '0'
  }
  const service = await startService({ ...data, ...environment }, { arguments: ['--demo'] })
  atEnd(() => service.kill('SIGINT'))
  return service
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

let open: { url: string }
before(async () => {
  open = await startDemo()
})

test('every shell block is here', () => {
  assert.equal(blocks.filter(({ language }) => language === 'sh').length, prints.length)
})

for (const [index, expected] of prints.entries()) {
  const block = blocks.filter(({ language }) => language === 'sh')[index]!.text
  test(`docs/streams.md: ${block.trim().split('\n').at(-1)}`, async () => {
    const command = block.replace('http://127.0.0.1:3000', open.url)
    const child = spawn('bash', ['-c', `exec ${command}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    atEnd(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    await eventually(() => expected.every((pattern) => pattern.test(output)), {
      what: `${block} prints ${expected.join()}`
    })
    child.kill('SIGINT')
  })
}

test('docs/streams.md: the page, in a browser, goes on with a new ticket when its own is over', async () => {
  const apiKey = 'a-key-of-some-length'
  const service = await startDemo({ RIALTO_API_KEY: apiKey })
  const directory = await mkdtemp(join(tmpdir(), 'rialto-streams-page-'))
  await writeFile(join(directory, 'server.mjs'), textOf('js'))
  await writeFile(join(directory, 'live.html'), textOf('html'))
  const port = await freePort()
  const environment = {
    PATH: process.env['PATH'],
    RIALTO_URL: service.url,
    RIALTO_API_KEY: apiKey,
    PORT: String(port),
    TICKET_SECONDS: '1'
  }
  const serve = (): ChildProcess => {
    const server = spawn(process.execPath, ['server.mjs'], {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'ignore', 'inherit']
    })
    atEnd(() => server.kill('SIGKILL'))
    return server
  }
  const first = serve()
  const page = `http://127.0.0.1:${port}`
  await eventually(async () => (await request(page)).status === 200)
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
  })
  atEnd(() => browser.close())
  const tab = await browser.newPage()
  const errors: string[] = []
  const tickets = new Set<string>()
  const begun: string[] = []
  tab.on('pageerror', (error) => errors.push(error.message))
  tab.on('request', (asked) => {
    const { pathname, searchParams } = new URL(asked.url())
    if (pathname !== '/v1/stream') return
    tickets.add(searchParams.get('ticket')!)
    begun.push(searchParams.has('after') ? 'after' : 'snapshot')
  })
  await tab.goto(page)
  const values = (): Promise<string[]> => tab.locator('td:nth-child(2)').allTextContents()
  const moveOn = async (): Promise<void> => {
    const before_ = await values()
    await eventually(async () => (await values()).every((value, row) => value !== before_[row]), {
      what: 'every row moves on'
    })
  }
  await eventually(async () => (await values()).length === 6, { what: 'all thermostats are there' })
  await moveOn()
  assert.equal(tickets.size, 1)

  // A ticket that was given after the page's own has run out as well: so the page's has
  const { body } = await request(`${page}/ticket`)
  await eventually(
    async () => (await request(`${service.url}/v1/stream?ticket=${body}&types=x`)).status === 401
  )
  first.kill('SIGKILL')
  await eventually(
    () =>
      request(page).then(
        () => false,
        () => true
      ),
    { what: 'the connection is cut' }
  )
  serve()
  await eventually(() => tickets.size > 1, { what: 'the page asks for another ticket' })
  await moveOn()
  assert.equal(begun[0], 'snapshot')
  assert.ok(begun.includes('after'), 'it goes on where it was')
  assert.deepEqual(errors, [])
})
