/** Pastes the README: every shell block as written, and the page in a real browser. Ports 3000 and 1883 must be free. */

import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { request } from '../support/bridge.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { bannerUrl, startService } from '../support/service.ts'

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/```(sh|html)\n([\s\S]*?)```/g)].map((match) => ({
  language: match[1]!,
  text: match[2]!
}))
const shell = blocks.filter((block) => block.language === 'sh').map((block) => block.text)
const page = blocks.find((block) => block.language === 'html')!.text

/** What each block prints, in the order of the README; the first and the last are run by .ci/run itself. */
const prints: Array<RegExp[]> = [
  [/"topic":"demo\/\w+\/telemetry"/, /"temperature":/, /"next":/],
  [/"items":\[\{"topic":"demo\/\w+\/telemetry","payload":\{"temperature":[\d.]+\}\}/, /"limit":3/],
  [/"state":"published"/, /"final":true/],
  [/^event: message\ndata: \{.*demo\//m],
  [/"topic":"hello\/world"/, /"answer":42/, /2\d(\.\d+)?\n$/],
  [/"payload":\d+/, /"tombstone":null/],
  [/"changed":true/, /"metric":"temperature"/, /"unit":null/],
  [/"device":"demo\/\w+\/telemetry","metric":"temperature"/, /"values":\{"mean":\[/, /"starts":\["\d/]
]

const run = async (block: string): Promise<string> =>
  (await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block])).stdout

/** Runs until it has printed what is expected, then ends it as Ctrl-C would. */
async function runUntil(block: string, expected: readonly RegExp[]): Promise<void> {
  const child = spawn('bash', ['-c', `exec ${block}`], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  atEnd(() => child.kill('SIGKILL'))
  await eventually(() => expected.every((pattern) => pattern.test(output)), {
    what: `${block} prints ${expected.join()}`
  })
  child.kill('SIGINT')
}

before(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-readme-'))
  const defaults = { PORT: '', RIALTO_DATA_DIR: join(directory, '.rialto') }
  const service = await startService(defaults, { arguments: ['--demo'] })
  assert.equal(service.url, 'http://127.0.0.1:3000', 'port 3000 must be free')
  assert.equal(bannerUrl(service.output(), 'mqtt'), 'mqtt://127.0.0.1:1883', 'port 1883 must be free')
  atEnd(() => service.kill('SIGINT'))
  atEnd(() => rm('rialto.yaml', { force: true })) // as the README writes it, where the service looks
  await eventually(
    async () => (await request(`${service.url}/v1/topics?filter=demo/%2B/telemetry`)).body.items.length === 6
  )
})

test('the first and the last block are what .ci/run does', () => {
  assert.equal(shell[0], 'npm ci\nnpm start -- --demo\n')
  assert.equal(shell.at(-1), 'npm test\n')
  assert.equal(shell.length, prints.length + 3)
})

for (const [index, expected] of prints.entries()) {
  const block = shell[index + 1]!
  test(`README: ${block.split('\n')[0]}`, async () => {
    if (block.includes('curl -sN')) return runUntil(block, expected)
    const output = await run(block)
    for (const pattern of expected) assert.match(output, pattern)
  })
}

test('README: the page, in a browser, shows live rows', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-page-'))
  await writeFile(join(directory, 'live.html'), page)
  const server = spawn('bash', ['-c', `exec ${shell.at(-2)!}`], { cwd: directory, stdio: 'ignore' })
  atEnd(() => server.kill())
  await eventually(async () => (await request('http://127.0.0.1:8000')).status === 200)
  assert.ok(page.split('\n').length <= 35, 'about thirty lines')
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  })
  atEnd(() => browser.close())
  const tab = await browser.newPage()
  const errors: string[] = []
  tab.on('pageerror', (error) => errors.push(error.message))
  await tab.goto('http://127.0.0.1:8000')
  const cells = (): Promise<string[]> => tab.locator('td:nth-child(3)').allTextContents()
  await eventually(async () => (await cells()).length === 6)
  const first = await cells()
  await eventually(async () => (await cells()).every((time, row) => time > first[row]!), {
    what: 'every row moves on'
  })
  assert.deepEqual(errors, [])
  t.diagnostic(`rows: ${(await tab.locator('td:first-child').allTextContents()).join(', ')}`)
})

for (const path of ['/docs', '/graphiql']) {
  test(`${path} works in a browser, without internet`, async () => {
    const browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
    })
    atEnd(() => browser.close())
    const tab = await browser.newPage()
    const problems: string[] = []
    tab.on('pageerror', (error) => problems.push(error.message))
    tab.on('requestfailed', (failed) => problems.push(failed.url()))
    await tab.goto(`http://127.0.0.1:3000${path}`)
    await tab
      .getByText(path === '/docs' ? '/v1/topics' : 'nodes')
      .first()
      .waitFor()
    assert.deepEqual(problems, [])
  })
}
