/** Writes openapi.yaml, without a broker and without a database. */

import { readFile, writeFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import { createAuthenticator } from '../access/access.ts'
import { defaultLimits } from '../limits.ts'
import { createStats } from '../stats.ts'
import { createHttpServer } from './server.ts'
import type { HttpParts } from './server.ts'
import type { ServiceStatus } from '../service-status.ts'

const root = new URL('../../', import.meta.url)

export async function openapiYaml(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as { version: string }
  // No request comes, so what answers requests can be missing
  const parts: Partial<HttpParts> = {
    authenticator: createAuthenticator({ apiKey: null, tokenKey: new Uint8Array(), limits: defaultLimits }),
    limits: defaultLimits,
    stats: createStats(),
    logger: pino({ level: 'silent' }),
    certificate: null,
    status: () => ({ version }) as ServiceStatus,
    store: {} as HttpParts['store']
  }
  const app = await createHttpServer(parts as HttpParts)
  await app.ready()
  const yaml = app.swagger({ yaml: true })
  await app.close()
  return yaml
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await writeFile(new URL('openapi.yaml', root), await openapiYaml())
}
