/** Documents that are generated from the code and committed: `npm run docs` writes them, a test compares them. */

import { readFileSync, writeFileSync } from 'node:fs'
import { lifecycleTables } from './commands/lifecycle-words.ts'
import { variables } from './config-variables.ts'
import { printSdl } from './graphql/sdl.ts'
import { metricsDocument } from './http/metrics-document.ts'
import { openapiYaml } from './http/openapi.ts'

export interface GeneratedDocument {
  /** From the root of the repository. */
  path: string
  text: string
}

export async function generateDocuments(): Promise<GeneratedDocument[]> {
  return [
    { path: 'openapi.yaml', text: await openapiYaml() },
    { path: 'docs/schema.graphql', text: printSdl() },
    { path: 'docs/configuration.md', text: configurationTable() },
    { path: 'docs/metrics.md', text: metricsDocument() },
    { path: 'docs/commands.md', text: withLifecycle('docs/commands.md') }
  ]
}

/** The page is written by hand; what stands between the marks is of the code. */
function withLifecycle(path: string): string {
  const [before, , after] = readFileSync(new URL(`../${path}`, import.meta.url), 'utf8').split(
    /^<!-- .* -->\n/m
  )
  const [begin, end] = ['<!-- generated from src/commands/lifecycle-words.ts -->', '<!-- end -->']
  return `${before}${begin}\n\n${lifecycleTables()}\n\n${end}\n${after}`
}

function configurationTable(): string {
  const rows = Object.entries(variables).map(
    ([name, variable]) =>
      `| \`${name}\` | ${variable.default === null ? '' : `\`${variable.default}\``} | ${variable.about} |`
  )
  return `# Configuration

Environment variables; generated from [src/config-variables.ts](../src/config-variables.ts). An empty variable counts as not set. A wrong value
stops the start with the variable, its fault and the fix. User and password of the broker may stand in \`MQTT_URL\` as well.

| variable | default | |
|---|---|---|
${rows.join('\n')}

\`npm start -- --demo\` adds a simulated fleet.
`
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const { path, text } of await generateDocuments())
    writeFileSync(new URL(`../${path}`, import.meta.url), text)
}
