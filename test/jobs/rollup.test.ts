import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pino } from 'pino'
import { createRollupJob } from '../../src/jobs/rollup.ts'
import { defaultLimits } from '../../src/limits.ts'
import { createStats } from '../../src/stats.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../support/eventually.ts'
import { chunkOf, currentAtHead, messageOf, point } from '../support/projected.ts'
import { rollupModel, assertRollups, storedRollups } from '../support/rollup-model.ts'
import { openTestStore } from '../support/store.ts'

const limits = { ...defaultLimits, projectionRetryMs: 5, rollupEveryMs: 3_600_000 }

/** With as many datapoints, a second apart, that are not rolled up. */
async function open(count: number) {
  const one = await openTestStore({ limits: { poolConnectionsMax: 4 } })
  const { topicIds } = (await one.receive({ topic: 't' }))!
  const topic = { topic: 't', topicId: topicIds.get('t')!.id }
  const { id, doneSeq } = await currentAtHead(one.store, { hash: 'h', text: '' })
  const points = Array.from({ length: count }, (_, index) => ({
    device: 'd',
    metric: 'm',
    topicId: topic.topicId,
    seq: doneSeq + index + 1,
    n: 0,
    observedAt: Date.now() - 1_000 * (count - index),
    number: index
  }))
  const messages = points.map(({ seq, number, observedAt }) =>
    messageOf(seq, topic, { datapoints: [point('d', 'm', number, { observedAt })] })
  )
  await one.store.projections.write(id, chunkOf(doneSeq, messages), { live: false })
  return { ...one, id, points, done: doneSeq + count }
}

function start(store: Pick<Store, 'rollups' | 'projections'>, leading: () => boolean) {
  const stats = createStats()
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  const job = createRollupJob({ store, limits, stats, log, leading })
  return { job, stats, lines, running: job.run() }
}

test('the job rolls up until nothing is left where this instance leads, and when it is woken', async () => {
  const one = await open(200)
  let leading = false
  const { job, stats, running } = start(one.store, () => leading)
  job.wake()
  leading = true
  job.wake()
  await eventually(() => stats.rolledSeq === one.done, { what: 'everything to be rolled up' })
  assert.equal(stats.rolledDatapoints, 200)
  assertRollups(await storedRollups(one.url, one.id), rollupModel(one.points))
  await job.stop()
  await running
})

test('a job that cannot roll up says so once, tries smaller steps, and goes on', async () => {
  const one = await open(50)
  const { rollups } = one.store
  const asked: number[] = []
  const failing: Store['rollups'] = {
    ...rollups,
    advance(limit) {
      asked.push(limit)
      return asked.length <= 5 ? Promise.reject(new Error('away')) : rollups.advance(limit)
    }
  }
  const { job, stats, lines, running } = start({ ...one.store, rollups: failing }, () => true)
  await eventually(() => stats.rolledSeq === one.done, { what: 'everything to be rolled up' })
  assert.equal(lines.length, 1, lines.join(''))
  assert.deepEqual(asked.slice(0, 5), [50_000, 12_500, 3_125, 781, 500])
  await job.stop()
  await running
})
