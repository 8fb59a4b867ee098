/** History by topics: what came on others does not count, and what a key may not read is not there. Held against openapi.yaml. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '../../src/model.ts'
import { point } from '../support/projected.ts'
import { call } from './contract.ts'
import { startProjected } from './projected.ts'
import { alwaysAs } from './server.ts'

const start = Date.parse('2025-03-29T00:00:00Z')
const hours = 'from=2025-03-29T00:00:00Z&to=2025-03-29T02:00:00Z&bucket=PT1H'
const at = (device: string, metric: string, value: number, minutes: number) =>
  point(device, metric, value, { observedAt: start + minutes * 60_000 })

test('with a filter, datapoints that came on other topics do not count', async () => {
  const { project, url } = await startProjected()
  await project('b/state', { datapoints: [at('b', 'x', 2, 0), at('c', 'x', 9, 0)] })
  await project('b/late', { datapoints: [at('b', 'x', 7, 30), at('b', 'x', 5, 90)] })
  const values = async (filter: string): Promise<unknown> => {
    const { items } = (await call(`${url}/v1/history?device=b&fn=sum,count&${filter}&${hours}`)).body
    assert.equal(items.length, 1)
    return items[0].values
  }
  assert.deepEqual(await values(''), { sum: [9, 5], count: [2, 1] })
  assert.deepEqual(await values('filter=b/state'), { sum: [2, null], count: [1, 0] })
  assert.deepEqual(await values('filter=b/late'), { sum: [7, 5], count: [1, 1] })
  assert.deepEqual(await values('filter=b/late&filter=b/%2B'), { sum: [9, 5], count: [2, 1] })
})

test('what a key may not read does not count, and is not there', async () => {
  const access: Access = {
    principal: 'one',
    mayRead: (topic) => topic.startsWith('mine/'),
    mayPublish: () => false
  }
  const { project, url } = await startProjected({ parts: { authenticator: alwaysAs(access) } })
  await project('mine/1', { datapoints: [at('shared', 'x', 1, 0)] })
  await project('mine/2', { datapoints: [at('mine', 'x', 5, 0)] })
  await project('other/1', {
    datapoints: [at('shared', 'x', 100, 30), at('shared', 'secret', 2, 0), at('other', 'x', 3, 0)]
  })
  const read = async (more: string) =>
    (await call(`${url}/v1/history?${hours}${more}`)).body.items.map(
      ({ device, metric, topic, values }: Record<string, unknown>) => [device, metric, topic, values]
    )
  assert.deepEqual(await read('&fn=sum,max,p100,timeWeightedMean'), [
    // Its newest datapoint came on another topic
    ['shared', 'x', null, { sum: [1, null], max: [1, null], p100: [1, null], timeWeightedMean: [1, 1] }],
    ['mine', 'x', 'mine/2', { sum: [5, null], max: [5, null], p100: [5, null], timeWeightedMean: [5, 5] }]
  ])
  assert.deepEqual(await read('&filter=other/%23'), [])
  assert.deepEqual(await read('&filter=mine/%23&filter=other/%23&fn=count'), [
    ['shared', 'x', null, { count: [1, 0] }],
    ['mine', 'x', 'mine/2', { count: [1, 0] }]
  ])
})
