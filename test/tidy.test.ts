/** The shape of the code: who may import what, who owns which library, how long a file may be. */

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = new URL('../', import.meta.url).pathname
const linesMax = 250

/** Level 0: imports nothing above itself. */
const words = [
  'model',
  'topic',
  'trace',
  'errors',
  'limits',
  'stats',
  'payload',
  'datapoints',
  'effects',
  'views',
  'device-views',
  'command',
  'command-ask',
  'command-views',
  'command-batch',
  'command-batch-views',
  'visibility',
  'grant',
  'service-status',
  'certificate',
  'rfc3339',
  'predicate',
  'history',
  'cursor',
  'grant',
  'key'
]

/** For each part, the parts it may import; files directly in src are parts of their own. */
const mayImport: Record<string, readonly string[]> = {
  ...Object.fromEntries(words.map((word) => [word, words])),
  normalize: words,
  conventions: [...words, 'normalize'],
  mqtt: words,
  store: words,
  feed: words,
  access: words,
  ingest: [...words, 'normalize', 'mqtt', 'store', 'feed'],
  projection: [...words, 'normalize', 'conventions', 'store', 'feed'],
  commands: [...words, 'store', 'mqtt', 'feed', 'access'],
  webhooks: [...words, 'store', 'feed', 'access'],
  jobs: [...words, 'store', 'mqtt', 'feed'],
  tracing: [...words, 'store', 'feed'],
  http: [...words, 'store', 'feed', 'commands', 'projection', 'webhooks', 'access'],
  graphql: [...words, 'store', 'feed', 'commands', 'projection', 'webhooks', 'access'],
  config: [...words, 'config-values', 'config-variables', 'config-together'],
  'config-variables': [...words, 'config-values', 'config-together'],
  'config-together': words,
  'config-values': words,
  embedded: words,
  // Runs where nothing else of this is
  client: [],
  banner: [...words, 'config'],
  demo: words,
  'effects-runner': [...words, 'mqtt'],
  closing: words,
  listening: [...words, 'config'],
  documents: ['*'],
  core: ['*'],
  app: ['*'],
  'app-status': ['*'],
  cli: ['*'],
  main: ['*']
}

/** Libraries that only these parts may know. */
const owners: Record<string, readonly string[]> = {
  mqtt: ['mqtt', 'demo'],
  'mqtt-packet': ['mqtt'],
  pg: ['store', 'embedded'],
  '@prisma/adapter-pg': ['store'],
  '@prisma/client': ['store'],
  mercurius: ['graphql'],
  graphql: ['graphql'],
  'graphql-ws': ['graphql'],
  fastify: ['http', 'graphql', 'app', 'listening'],
  '@fastify/cors': ['http'],
  aedes: ['embedded'],
  ws: ['mqtt', 'embedded', 'graphql'],
  '@jmespath-community/jmespath': ['normalize'],
  yaml: ['normalize', 'projection'],
  '@msgpack/msgpack': ['commands'],
  cborg: ['normalize', 'conventions', 'commands'],
  protobufjs: ['normalize', 'conventions'],
  'jsonc-parser': ['conventions'],
  '@noble/ciphers': ['conventions'],
  'prom-client': ['http'],
  'temporal-polyfill': ['history'],
  'ipaddr.js': ['webhooks', 'access'],
  jose: ['access'],
  'csv-parse': ['http'],
  'csv-stringify': ['http'],
  'close-with-grace': ['main'],
  '@opentelemetry/api': ['tracing'],
  '@opentelemetry/sdk-trace-base': ['tracing'],
  '@opentelemetry/exporter-trace-otlp-http': ['tracing'],
  '@opentelemetry/resources': ['tracing']
}

interface SourceFile {
  path: string
  part: string
  text: string
  lines: number
  imports: string[]
}

const files: SourceFile[] = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter(
    (path) => path.endsWith('.ts') && !path.startsWith('store/generated') && path !== 'client/openapi.ts'
  )
  .map((path) => {
    const text = readFileSync(join(root, 'src', path), 'utf8')
    const imports = [...text.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map((match) => match[1]!)
    return {
      path,
      part: path.split('/')[0]!.replace(/\.ts$/, ''),
      text,
      lines: text.trimEnd().split('\n').length,
      imports
    }
  })

test('there is something to look at', () => {
  assert.ok(files.length > 40)
  for (const part of Object.keys(mayImport))
    assert.ok(
      files.some((file) => file.part === part),
      `no files of ${part}`
    )
})

for (const { path, part, text, lines, imports } of files) {
  test(`src/${path} is tidy`, () => {
    assert.ok(lines <= linesMax, `${lines} lines; split it`)
    assert.ok(part === 'config' || !text.includes('process.env'), 'only src/config.ts reads process.env')
    assert.ok(!/\bexport default\b/.test(text), 'named exports only')
    assert.ok(!/\b(TODO|FIXME|XXX)\b/.test(text), 'finish it, or write an issue')
    assert.match(text, /\/\*\*/, 'says what it is for')
    for (const imported of imports) {
      if (imported.startsWith('.')) checkPart(path, part, imported)
      else checkLibrary(part, imported)
    }
  })
}

function checkPart(path: string, part: string, imported: string): void {
  const target = join('src', path, '..', imported).split('/')[1]!.replace(/\.ts$/, '')
  const allowed = mayImport[part]
  assert.ok(
    allowed,
    `${part} is not in the picture; give it a place in test/tidy.test.ts and docs/architecture.md`
  )
  assert.ok(
    target === part || allowed.includes('*') || allowed.includes(target),
    `${part} may not import ${target}`
  )
}

function checkLibrary(part: string, imported: string): void {
  const name = imported
    .split('/')
    .slice(0, imported.startsWith('@') ? 2 : 1)
    .join('/')
  assert.ok(
    owners[name] === undefined || owners[name].includes(part),
    `${name} belongs to ${owners[name]?.join(', ')}`
  )
}
