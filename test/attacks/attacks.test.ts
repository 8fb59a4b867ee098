/**
 * Tools that attack servers, and floods of our own, against the built service as one runs it on a network: a key, and nobody
 * without one. After each: no process died, no answer was a 5xx, nothing was logged as an error, and all the time the service
 * said within 100 ms that it lives (liveness.ts). `npm run attacks` also keeps what the tools said, for docs/attacks.md.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAuthority } from '../support/authority.ts'
import { atEnd } from '../support/cleanup.ts'
import type { Kind, Outcome } from './flood.ts'
import type { Service } from '../support/service.ts'
import type { Attack } from './attacked.ts'
import { attack, authorization, key, start } from './attacked.ts'
import { livenessMsMax } from './liveness.ts'
import { runTool } from './tool.ts'

const full = process.env['FULL'] === '1'
const seconds = full ? 60 : 15
const tlsFindings = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']

const slow = (name: string, what: string, path: string, options: string): Attack => ({
  name,
  what: `${what}; 200 connections`,
  tool: { debian: 'slowhttptest' },
  async run({ url }) {
    const bounds = `-c 200 -r 100 -i 3 -p 3 -l ${seconds}`.split(' ')
    // It knows no option for other headers than these two; so the key comes with them
    const asOne = ['-m', `*/*\r\nauthorization: ${authorization}`, '-f', 'application/json']
    const all = [...bounds, ...asOne, ...options.split(' '), '-u', url + path]
    const { text, cutOff } = await runTool('slowhttptest', all, seconds + 30)
    return { text: text.slice(text.lastIndexOf('slow HTTP test status')), cutOff }
  },
  judge({ text, cutOff }) {
    assert.ok(!cutOff, text)
    assert.match(text, /service available:\s+YES/)
    const [, second, why] = /Test ended on (\d+)\w+ second\s+Exit status: (.+)/.exec(text)!
    return `the service is available; ended after ${second} s: ${why}`
  }
})

/** `path`: what follows a parameter that is to be tried has a value that is taken. */
const injection = (
  name: string,
  what: string,
  path: string | ((service: Service) => Promise<string>),
  args: string[] = []
): Attack => ({
  name,
  what,
  tool: { debian: 'sqlmap' },
  async run(service) {
    const asked = service.url + (typeof path === 'string' ? path : await path(service))
    const output = await mkdtemp(join(tmpdir(), 'rialto-sqlmap-'))
    atEnd(() => rm(output, { recursive: true, force: true }))
    const depth = full ? ['--level=3', '--risk=2'] : []
    const bounds = [
      '--batch',
      '--disable-coloring',
      '--flush-session',
      `--output-dir=${output}`,
      '--dbms=PostgreSQL'
    ]
    const ask = ['-u', asked, `--header=authorization: ${authorization}`, '--threads=4']
    return runTool('sqlmap', [...bounds, ...ask, ...depth, ...args], seconds * 4)
  },
  judge({ text, cutOff }) {
    assert.match(text, /testing '/, 'it could test')
    assert.doesNotMatch(text, /identified the following injection|appears to be .*injectable|is vulnerable/i)
    const tested = [
      ...new Set(
        [...text.matchAll(/testing for SQL injection on \w+ parameter '([^']+)'/g)].map(([, one]) => one)
      )
    ]
    return `no injection; tested: ${tested.join(', ')}${cutOff ? '; stopped by time' : ''}`
  }
})

const flood = (kind: Kind, what: string, atOnce: number, judge: (outcome: Outcome) => void): Attack => ({
  name: `flood-${kind}`,
  what,
  tool: 'own',
  run: ({ url }) =>
    runTool(
      process.execPath,
      [
        '--import',
        'tsx',
        join(import.meta.dirname, 'flood.ts'),
        kind,
        url,
        String(seconds),
        String(atOnce),
        key
      ],
      seconds + 60
    ),
  judge({ text, cutOff }) {
    assert.ok(!cutOff, text)
    const outcome = JSON.parse(text) as Outcome
    judge(outcome)
    return Object.entries(outcome)
      .map(([is, count]) => `${is}: ${count}`)
      .join(', ')
  }
})

async function pageOfMessages({ url }: Service): Promise<string> {
  const path = '/v1/messages?order=asc&limit=1'
  const answer = await fetch(url + path, { headers: { authorization } })
  const { next } = (await answer.json()) as { next: string | null }
  assert.ok(next !== null, 'there is another page')
  return `${path}&page=${encodeURIComponent(next)}`
}

const attacks: Attack[] = [
  slow('slow-headers', 'headers that never end (Slowloris)', '/v1/topics', '-H'),
  slow('slow-body', 'bodies that never end (R-U-Dead-Yet), with the key', '/v1/commands', '-B'),
  slow(
    'slow-read',
    'answers that are not read, with the key',
    '/openapi.yaml',
    '-X -w 1 -y 16 -n 3 -z 4 -k 3'
  ),
  injection(
    'sql-topics',
    'filters, where, sort, limits of topics',
    '/v1/topics?filter=plant%2F%23&where=gt(payload%2Fvalue%2C5)&sort=-payload%2Fvalue&limit=10',
    ['-p', 'filter,where,sort,limit']
  ),
  injection(
    'sql-messages',
    'filters, times, limits of messages',
    '/v1/messages?filter=plant%2F%23&from=2020-01-01T00%3A00%3A00Z&limit=10',
    ['-p', 'filter,from,limit']
  ),
  injection('sql-cursor', 'a page token', pageOfMessages, ['-p', 'page']),
  injection('sql-path', 'a topic in the path', '/v1/topics/plant%2Fline1%2Ftemperature*'),
  {
    ...flood(
      'documents',
      'GraphQL documents made to exhaust a server, 8 at once, with the key',
      8,
      (outcome) => {
        const answers = Object.keys(outcome).filter((is) => !/^status (?:200|4\d\d)$/.test(is))
        assert.deepEqual(answers, [], 'all are answered, none with a fault')
        assert.ok(Object.keys(outcome).length > 0)
      }
    )
  },
  {
    ...flood('sockets', 'WebSockets that say nothing, 500 at once', 500, (outcome) => {
      assert.ok(outcome['opened']! >= 500)
      assert.ok(outcome['closed with 4408']! >= 500, 'who says nothing is told to go')
    })
  },
  {
    ...flood(
      'connections',
      'connections that say nothing, 6000 at once, from one address',
      6_000,
      (outcome) => {
        assert.ok(outcome['opened']! >= 6_000)
        assert.ok((outcome['closed by the service'] ?? 0) + (outcome['refused or reset'] ?? 0) >= 1_000)
      }
    )
  }
]

test('attacks by http: it lives, says so in 100 ms, and no answer is a fault of its own', async (t) => {
  for (const one of attacks) {
    let slowest = Infinity
    await t.test(one.name, async () => {
      const service = await start()
      try {
        slowest = await attack(one, service)
      } finally {
        await service.kill('SIGTERM')
      }
    })
    await t.test(`${one.name}: it says in ${livenessMsMax} ms that it lives`, () =>
      assert.ok(slowest < livenessMsMax, `${slowest} ms`)
    )
  }
})

test('attacks by https: testssl finds nothing but that the authority is ours', async () => {
  const authority = await createAuthority()
  const { cert, key: keyFile } = await authority.issue('rest')
  const service = await start({ RIALTO_TLS_CERT_FILE: cert, RIALTO_TLS_KEY_FILE: keyFile })
  const report = join(authority.directory, 'report.json')
  const checks = full
    ? ['-p', '-s', '-f', '-P', '-h', '-U']
    : ['-p', '-s', '-f', '-H', '-R', '-O', '-A', '-L']
  /** What it takes for a fault, once it has written its report. */
  const findings = (): Array<{ id: string; severity: string; finding: string }> => {
    const all = JSON.parse(readFileSync(report, 'utf8')) as ReturnType<typeof findings>
    assert.ok(all.length > 10, 'it has looked')
    return all.filter(({ severity }) => tlsFindings.includes(severity))
  }
  const slowest = await attack(
    {
      name: 'testssl',
      what: 'protocols, ciphers and known faults of TLS',
      tool: { debian: 'testssl.sh' },
      run: ({ url }) =>
        runTool(
          'testssl',
          [
            '--quiet',
            '--color',
            '0',
            '--warnings',
            'off',
            '--ip',
            'one',
            '--jsonfile',
            report,
            ...checks,
            `localhost:${new URL(url).port}`
          ],
          full ? 600 : 180
        ),
      judge: ({ text, cutOff }) => {
        assert.ok(!cutOff, text)
        assert.match(text, /TLS 1\.3\s+offered/)
        const found = findings()
        return found.length === 0 ? 'nothing' : found.map(({ id, finding }) => `${id}: ${finding}`).join('; ')
      }
    },
    service
  )
  assert.ok(slowest < livenessMsMax, `${slowest} ms`)
  assert.deepEqual(findings(), [])
  await service.kill('SIGTERM')
})
