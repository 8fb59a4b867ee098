/** What the full run measured, kept for docs/brokers.md. */

import { readFile, writeFile } from 'node:fs/promises'

const directory = new URL('../../docs/brokers/', import.meta.url)

/** Each kind in a file of its own: test files run at the same time. */
export async function record(kind: 'abilities' | 'ledger', name: string, result: object): Promise<void> {
  if (process.env['FULL'] !== '1') return
  const results = await read(kind).catch(() => ({}))
  const text = JSON.stringify({ ...results, [name]: result }, null, 2)
  await writeFile(new URL(`${kind}.json`, directory), `${text}\n`)
}

export async function read(kind: 'abilities' | 'ledger'): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(new URL(`${kind}.json`, directory), 'utf8')) as Record<string, unknown>
}
