/** Each request has an id: the client's, where it is harmless, or one of ours. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { logOptions } from '../../src/log.ts'
import { createBareServer } from './server.ts'

const lines: Array<Record<string, unknown>> = []
const logger = pino(
  { level: 'info', ...logOptions },
  { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
)
const app = await createBareServer({
  parts: {
    logger,
    register: async (scope) => {
      scope.get('/broken', async () => Promise.reject(new Error('on purpose')))
    }
  }
})
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const ask = async (url: string, id?: string) => {
  const answer = await app.inject({ url, headers: id === undefined ? {} : { 'x-request-id': id } })
  return { id: answer.headers['x-request-id'] as string, answer }
}

test('the id of the client is answered, where it is harmless; else the request has one of ours', async () => {
  for (const given of ['a', 'web-1.2_3', 'x'.repeat(64)]) assert.equal((await ask('/livez', given)).id, given)
  for (const given of [undefined, '', 'x'.repeat(65), 'a b', 'a"b', '{"level":60}', 'é', '../x', '$(id)'])
    assert.match((await ask('/livez', given)).id, uuid, String(given))
  assert.notEqual((await ask('/livez')).id, (await ask('/livez')).id)
})

test('problems have it, also those of before routing, and each of a 4xx leaves no line in the log', async () => {
  const before = lines.length
  for (const [url, status] of [
    ['/v1/nope', 404],
    ['/v1/topics/a%2', 400],
    ['/v1/topics?filter=%', 400],
    ['/v1/topics?limit=0', 422]
  ] as const) {
    const { answer, id } = await ask(url, 'mine')
    assert.deepEqual([answer.statusCode, id], [status, 'mine'])
  }
  assert.equal(lines.length, before)
})

test('an error of the service is logged at level error, with the id that the client was told', async () => {
  const { answer } = await ask('/broken', 'found-again')
  assert.equal(answer.statusCode, 500)
  const line = lines.find(({ requestId }) => requestId === 'found-again')
  assert.deepEqual([line?.['level'], line?.['msg']], [50, 'A request failed'])
})
