/** What the client is typed by is what the service says. The rest of this file is checked by tsc, `npm run check`. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RialtoClient, StreamEvent } from '../../src/client/index.ts'
import type { StreamEvent as Told } from '../../src/views.ts'
import { digest, path } from './document.ts'

test('src/client/openapi.ts is that of openapi.yaml (npm run docs:client)', () => {
  assert.equal(/Digest (\w+)\./.exec(readFileSync(path, 'utf8'))?.[1], digest())
})

/** Each event that the service sends is one of those that the client knows, and the other way round. */
export const told = (event: Told & { skippedCount?: number }): StreamEvent => event
export const types = (type: StreamEvent['type']): Told['type'] => type

/** What an operation takes and answers. */
export async function asked(client: RialtoClient): Promise<string[]> {
  const page = await client.get('/v1/topics', { query: { filter: ['a/#'], limit: 10 } })
  const topic = await client.get('/v1/topics/{topic}', { path: { topic: 'a/b' } })
  const nothing: undefined = await client.delete('/v1/webhooks/{id}', { path: { id: 'x' } })
  const status = await client.get('/v1/status')
  const seqs: string[] = [...page.items.map(({ seq }) => seq), topic.seq, status.version, String(nothing)]
  for await (const device of client.items('/v1/devices', { query: { limit: 5 } })) seqs.push(device.device)
  const command = await client.send({ topic: 'a/set', payload: { on: true } })
  seqs.push(command.state)

  // @ts-expect-error there is no such path
  await client.get('/v1/nothing')
  // @ts-expect-error the path needs a value
  await client.get('/v1/topics/{topic}')
  // @ts-expect-error there is no such parameter
  await client.get('/v1/topics', { query: { filters: ['a'] } })
  // @ts-expect-error with it the answer is of another type: ask by `request`
  await client.get('/v1/topics', { query: { fields: ['topic'] } })
  await client.request('get', '/v1/topics', { query: { fields: ['topic'] } })
  // @ts-expect-error a key needs a name
  await client.post('/v1/keys', { body: {} })
  // @ts-expect-error this is no list
  client.items('/v1/status')
  return seqs
}
