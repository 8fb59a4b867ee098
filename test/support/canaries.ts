/**
 * Canaries (F40): what stands in the place of each secret while tests run, and must be in no output. Beside these values,
 * the shapes of secrets that the service makes itself: keys, tokens, secrets of webhooks. test/run.ts looks for all of
 * them in everything that was written (capture.ts).
 */

import { createHash } from 'node:crypto'

export const canaries = {
  apiKey: 'Canary-RIALTO-API-KEY-8f2c61d0',
  mqttUsername: 'canary-mqtt-user-4b90e7',
  mqttPassword: 'canary-mqtt-password-d3a1f5',
  databasePassword: 'canary-database-password-77c0be',
  tlsKey: 'canary-tls-key-5e19aa',
  webhookUser: 'canary-webhook-user-90ab3d',
  webhookPath: 'canary-webhook-path-1c7f42',
  mappingSecret: 'canary-mapping-secret-e65d08',
  token: 'canary-token-b81f3c',
  /** Of messages and commands: in no log from `info` up, and in no error, metric or audit. */
  payload: 'canary-payload-26d9e4'
} as const

export interface Found {
  /** Of the canary, or of the shape. */
  name: string
  /** From 1. */
  line: number
}

/** Those of the examples are x alone, or begin with "an example o" in base64. */
const shapes: ReadonlyArray<readonly [string, RegExp]> = [
  ['an API key', /rialto_[0-9A-Za-z]{12}_(?!x{49})[0-9A-Za-z]{49}/],
  ['a secret of a webhook', /whsec_(?!YW4gZXhhbXBsZSBv)[0-9A-Za-z+/]{20,}/],
  ['a token (JWT)', /eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,}/],
  ['a private key', /-----BEGIN [A-Z ]*PRIVATE KEY-----/]
]

/** As it is, and as it is written elsewhere: percent-encoded, base64, in JSON, and digests that stand for it. */
function formsOf(value: string): string[] {
  const bytes = Buffer.from(value)
  const digest = createHash('sha256').update(bytes).digest()
  const base64 = [0, 1, 2].map((shift) =>
    // Wherever it stands in what was encoded; characters at the ends have bits of its neighbors
    Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '')
      .slice(shift === 0 ? 0 : shift + 1, -1)
  )
  return [
    ...new Set([
      value,
      encodeURIComponent(value),
      JSON.stringify(value).slice(1, -1),
      bytes.toString('hex'),
      ...base64,
      digest.toString('hex'),
      digest.toString('base64')
    ])
  ]
}

/** `more`: secrets that are known only now, such as the password of the database. */
export function createFinder(more: Record<string, string> = {}): (text: string) => Found[] {
  const forms = Object.entries({ ...canaries, ...more }).flatMap(([name, value]) =>
    formsOf(value).map((form) => [name, form] as const)
  )
  return (text) => {
    const found: Found[] = []
    for (const [index, line] of text.split('\n').entries()) {
      const names = new Set([
        ...forms.flatMap(([name, form]) => (line.includes(form) ? [name] : [])),
        ...shapes.flatMap(([name, shape]) => (shape.test(line) ? [name] : []))
      ])
      for (const name of names) found.push({ name, line: index + 1 })
    }
    return found
  }
}
