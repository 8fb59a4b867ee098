import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { generateDocuments } from '../src/documents.ts'
import { brokersDocument } from './brokers/document.ts'
import { deliveryDocument } from './faults/document.ts'
import { resultFile, soakDocument } from './soak/document.ts'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

const documents = [
  ...(await generateDocuments()),
  { path: 'docs/brokers.md', text: await brokersDocument() },
  { path: 'docs/delivery.md', text: deliveryDocument() },
  // From the first long run on
  ...(existsSync(resultFile) ? [{ path: 'docs/soak.md', text: soakDocument() }] : [])
]
for (const { path, text } of documents) {
  test(`${path} is what the code says`, () => {
    assert.equal(read(path), text, 'run `npm run docs`')
  })
}

test('every script that the documentation names exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const document of ['README.md', 'CONTRIBUTING.md', 'docs/decisions/0001-prisma-client-and-sql.md']) {
    for (const [, name] of read(document).matchAll(/npm run ([a-z:]+)/g))
      assert.ok(scripts[name!], `${document}: npm run ${name}`)
  }
})

test('every file that the documentation links to, or names as the holder of an invariant, exists', () => {
  for (const document of [
    'README.md',
    'CONTRIBUTING.md',
    'docs/architecture.md',
    'docs/brokers.md',
    'docs/delivery.md',
    'docs/backup.md',
    'docs/reading.md',
    'docs/commands.md',
    'docs/webhooks.md'
  ]) {
    const base = new URL(document, root)
    const text = read(document)
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => new URL(match[1]!, base))
    const named = [...text.matchAll(/`(test\/[^`*]+\.ts)`/g)].map((match) => new URL(match[1]!, root))
    for (const url of [...links, ...named]) assert.ok(existsSync(url), `${document}: ${url.pathname}`)
  }
})

test('docker-compose.yml and Dockerfile name what there is', async () => {
  const { parse } = await import('yaml')
  const compose = parse(read('docker-compose.yml')) as {
    services: Record<
      string,
      { environment?: Record<string, string>; volumes?: string[]; healthcheck?: object }
    >
  }
  const { variables } = await import('../src/config-variables.ts')
  for (const name of Object.keys(compose.services['rialto']!.environment!)) assert.ok(name in variables, name)
  for (const [name, service] of Object.entries(compose.services))
    assert.ok(service.healthcheck, `${name} has a health check`)
  for (const volume of compose.services['mosquitto']!.volumes!.filter((one) => one.startsWith('./'))) {
    assert.ok(existsSync(new URL(volume.split(':')[0]!, root)), volume)
  }
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
    match[1]!.split(' ')
  )
  for (const path of copied) assert.ok(existsSync(new URL(path, root)), path)
  const ignored = read('.dockerignore')
  for (const path of copied)
    assert.ok(ignored.includes(`!${path.split('/')[0]}`), `${path} is not sent to the build`)
  for (const [, name] of read('.env.example').matchAll(/^#? ?([A-Z_]+)=/gm)) {
    assert.ok(read('docker-compose.yml').includes(`\${${name}`), name)
  }
})

test('Mosquitto survives a kill and drops nothing with our configuration', () => {
  const settings = new Map(
    read('docs/mosquitto/mosquitto.conf')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.split(' ')[0], line.split(' ')[1]])
  )
  assert.equal(settings.get('persistence'), 'true')
  assert.deepEqual([settings.get('autosave_on_changes'), settings.get('autosave_interval')], ['true', '1'])
  assert.equal(settings.get('max_queued_messages'), '0')
})
