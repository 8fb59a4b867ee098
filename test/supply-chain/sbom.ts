/**
 * `npm run sbom`: a bill of materials (CycloneDX 1.5) of what comes with the service, on stdout. It is npm's own, without what is
 * for development alone: `npm sbom --omit dev` leaves out what development needs, too.
 */

import { execFileSync } from 'node:child_process'
import { packagesOfService } from './packages.ts'

interface Bill {
  components: Array<{ 'bom-ref': string; purl: string }>
  dependencies: Array<{ ref: string; dependsOn?: string[] }>
}

const given = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
  cwd: new URL('../../', import.meta.url),
  maxBuffer: 64 * 1024 * 1024,
  encoding: 'utf8'
})
const bill = JSON.parse(given) as Bill
const wanted = new Set(packagesOfService().map(({ name, version }) => `pkg:npm/${name}@${version}`))
const components = bill.components.filter(({ purl }) => wanted.has(decodeURIComponent(purl)))
const gone = new Set(bill.components.filter((one) => !components.includes(one)).map((one) => one['bom-ref']))
const dependencies = bill.dependencies
  .filter(({ ref }) => !gone.has(ref))
  .map((one) => ({ ...one, dependsOn: (one.dependsOn ?? []).filter((ref) => !gone.has(ref)) }))
process.stdout.write(`${JSON.stringify({ ...bill, components, dependencies }, null, 2)}\n`)
