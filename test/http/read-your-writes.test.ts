/** `min-cursor`: a read shows what it names, or says that it cannot; and every write tells where it is. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '../support/eventually.ts'
import { point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'

const server = await startProjected()
const { receive, project, store, projected } = server
const base = `${server.url}/v1`

const seq = await project('a/b', {
  datapoints: [point('d', 'm', 1)],
  rejections: [{ reason: 'not_utf8', detail: 'why' }]
})
const { topicId } = (await call(`${base}/topic?name=a/b`)).body
const ofJournal = [
  'topics',
  'topic?name=a/b',
  'topics/a%2Fb',
  `topics/by-id/${topicId}`,
  'topic/payload?name=a/b',
  'topics/a%2Fb/payload',
  `topics/by-id/${topicId}/payload`,
  'messages',
  'gaps',
  'commands'
]
const ofProjection = [
  'devices',
  'device?name=d',
  'devices/d',
  'device/metrics?name=d',
  'devices/d/metrics',
  'datapoints?device=d',
  'rejections',
  'rejections/counts'
]
const at = (path: string, cursor: string): string =>
  `${base}/${path}${path.includes('?') ? '&' : '?'}min-cursor=${cursor}`

for (const path of [...ofJournal, ...ofProjection]) {
  test(`${path}: at once where it is reached, and refused where it is not in time`, async () => {
    assert.equal((await call(at(path, store.cursors.encode(seq)))).status, 200)
    const ahead = at(path, store.cursors.encode(1_000_000))
    const { status, body, headers } = await call(ahead, { headers: { prefer: 'wait=0' } })
    assert.deepEqual([status, body.code], [503, 'cursor_not_reached'])
    assert.equal(headers.get('retry-after'), '1')
  })

  test(`${path}: only a cursor will do`, async () => {
    const page = store.cursors.encodePage('list', { until: 1, after: 1 })
    const codes = ['earliest', page].map(async (token) => (await call(at(path, token))).body.code)
    assert.deepEqual(await Promise.all(codes), ['cursor_invalid', 'cursor_kind'])
  })
}

for (const path of ofProjection) {
  test(`${path}: waits for what is normalized behind the journal`, async () => {
    projected.doneSeq = seq - 1
    const answer = call(at(path, store.cursors.encode(seq)), { headers: { prefer: 'wait=30' } })
    await eventually(() => projected.waitingFor === seq)
    assert.equal((await call(at('topics', store.cursors.encode(seq)))).status, 200)
    projected.advance(Infinity)
    const { status, headers } = await answer
    assert.deepEqual([status, headers.get('preference-applied')], [200, 'wait=30'])
  })
}

test('what another instance commits is waited for', async () => {
  const other = await openTestStore({ url: server.databaseUrl, session: 'another' })
  const { seq: head } = await store.journal.head()
  const answer = call(at('topics?filter=later/%23', store.cursors.encode(head + 2)))
  await other.receive({ topic: 'later/a' })
  await other.receive({ topic: 'later/b' })
  const { status, body } = await answer
  assert.deepEqual([status, body.items.length], [200, 2])
})

test('after its time the answer is that it is not reached', async () => {
  const small = await startProjected({ limits: { minCursorMsMax: 20 } })
  const { status, body } = await call(
    `${small.url}/v1/topics?min-cursor=${small.store.cursors.encode(1_000)}`
  )
  assert.deepEqual([status, body.code], [503, 'cursor_not_reached'])
  assert.match(body.detail, /20 ms/)
})

test('it goes with a condition and with waiting for a change', async () => {
  const { base: before } = (await receive({ topic: 'both' }))!
  const first = await call(at('topic?name=both', store.cursors.encode(before + 1)))
  const waiting = call(at('topic?name=both', store.cursors.encode(before + 1)), {
    headers: { 'if-none-match': first.headers.get('etag')!, prefer: 'wait=30' }
  })
  await receive({ topic: 'both', payload: Buffer.from('2') })
  assert.equal((await waiting).body.payloadText, '2')
})
