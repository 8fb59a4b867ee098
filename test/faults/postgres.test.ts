/** Postgres away, restarted, slow, locked, stopped, full; and a COMMIT whose answer is lost. */

import assert from 'node:assert/strict'
import { request } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { withLimits } from '../support/patched-build.ts'
import { afterCommit, beforeCommit } from '../support/postgres-proxy.ts'
import { command, fillDisk, lockJournal, pause, untilNext } from './provocations.ts'
import { full, sized, story } from './story.ts'

for (const qos of [1, 2] as const) {
  const promise = { repeated: 0, reconnects: 0 }

  story('a COMMIT whose answer is lost', { id: 'F43', qos, promise }, async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgresProxy(await world.database())
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos, perSecond: 500 })
    const wanted = sized(150, 8)
    let lostAnswers = 0
    postgres.rule = (frame) => {
      if (!afterCommit(frame) || lostAnswers === wanted) return 'pass'
      lostAnswers++
      frame.link.cut()
      return 'drop'
    }
    await eventually(() => lostAnswers === wanted, { withinMs: 180_000, what: 'all answers are lost' })
    await publisher.stop()
    world.note('lostAnswers', lostAnswers)
  })

  story(
    'Postgres restarts at once (immediate), again and again',
    { id: 'F5', qos, promise },
    async (world) => {
      const broker = await world.mosquitto()
      const postgres = await world.postgres()
      const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos })
      await rialto.start()
      const publisher = world.publisher({ url: broker.url, qos, perSecond: sized(1_000, 500) })
      const restarts = sized(40, 3)
      for (let restart = 0; restart < restarts; restart++) {
        await untilNext(publisher, 50 + Math.random() * 500)
        if (restart % 3 === 2) await postgres.kill()
        else await postgres.stop('immediate')
        await postgres.start()
      }
      const up = performance.now()
      await eventually(() => rialto.isReady(), { what: 'the service is ready again' })
      world.note('databaseRestarts', restarts)
      world.note('recoveryMsMax', performance.now() - up)
      await publisher.stop()
    }
  )
}

story(
  `Postgres away for ${sized(60, 6)} s at 1,000 messages/s`,
  { id: 'F6', qos: 2, promise: { reconnects: 0, peakMemoryMb: 450, commandsAccepted: 0 } },
  async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgres()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2 })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 1_000, payloadBytes: 200 })
    await untilNext(publisher, 1_000)
    await postgres.stop('immediate')
    await eventually(async () => !(await rialto.isReady()), { what: 'the service says that it is not ready' })
    const end = Date.now() + sized(60, 6) * 1_000
    let refused = 0
    while (Date.now() < end) {
      const { status, headers } = await command(rialto.url)
      assert.ok(status === 503 || status === 202, `a command was answered with ${status}`)
      if (status === 503) assert.ok(headers.has('retry-after'))
      world.note('commandsAccepted', status === 202 ? 1 : 0)
      refused++
      await pause(200)
    }
    world.note('commandsRefused', refused)
    const up = performance.now()
    await postgres.start()
    await eventually(() => rialto.isReady(), { what: 'the service is ready again' })
    world.note('recoveryMsMax', performance.now() - up)
    await publisher.stop()
    await eventually(async () => (await command(rialto.url)).status === 202)
  }
)

story(
  'Postgres 200 ms away',
  { id: 'F8', qos: 2, promise: { reconnects: 0, peakMemoryMb: 450 } },
  async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgresProxy(await world.database())
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2 })
    await rialto.start()
    postgres.delayMs = 200
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 1_000 })
    await untilNext(publisher, sized(20_000, 3_000))
    await publisher.stop()
    postgres.delayMs = 0
  }
)

story(
  `the journal locked for ${sized(20, 5)} s`,
  { id: 'F8', qos: 2, promise: { reconnects: 0, peakMemoryMb: 450 } },
  async (world) => {
    const broker = await world.mosquitto()
    const databaseUrl = await world.database()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl, qos: 2 })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: sized(1_000, 500) })
    await untilNext(publisher, 500)
    await lockJournal(databaseUrl, sized(20, 5) * 1_000)
    await untilNext(publisher, 500)
    await publisher.stop()
    const metrics = await rialto.metrics()
    world.note('appendRetries', metrics.get('journal_append_retries_total')!)
  }
)

story(
  'a backend of Postgres stopped in the middle of an append, and woken',
  { id: 'F8', qos: 2, promise: { reconnects: 0 } },
  async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgresProxy((await world.postgres()).url)
    // A statement may take 15 s; whoever will not wait so long makes it shorter
    const limits = full ? {} : { entry: await withLimits({ statementMsMax: 1_000 }) }
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2, ...limits })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 500 })
    for (let time = 0; time < sized(3, 1); time++) {
      await untilNext(publisher, 300)
      let stopped = 0
      postgres.rule = (frame) => {
        if (stopped === 0 && beforeCommit(frame)) process.kill((stopped = frame.backendPid), 'SIGSTOP')
        return 'pass'
      }
      await eventually(() => stopped > 0)
      const retries = async (): Promise<number> =>
        (await rialto.metrics()).get('journal_append_retries_total')!
      const before = await retries()
      // Our own clock gives it up; then what it holds is in the way of the next attempt, or is not
      await eventually(async () => (await retries()) > before, { withinMs: 60_000, what: 'a retry' })
      process.kill(stopped, 'SIGCONT')
      await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready again' })
    }
    await publisher.stop()
  }
)

story(
  'the disk of the data is full',
  { id: 'F7', qos: 2, promise: { reconnects: 0, readsRefused: 0, peakMemoryMb: 450 } },
  async (world) => {
    const broker = await world.mosquitto()
    const postgres = await world.postgres({ tmpfs: { megabytes: 128, holds: 'data' } })
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2 })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 500, payloadBytes: 500 })
    await untilNext(publisher, 500)
    const free = await fillDisk(postgres.directory)
    await eventually(async () => !(await rialto.isReady()), { withinMs: 60_000, what: 'it is not ready' })
    assert.match(await postgres.log(), /ERROR:.*No space left on device/)
    const end = Date.now() + sized(20, 2) * 1_000
    while (Date.now() < end) {
      const { status } = await request(`${rialto.url}/v1/topics?limit=10`)
      world.note('readsRefused', status === 200 ? 0 : 1)
      assert.notEqual((await command(rialto.url)).status, 202, 'a command was accepted on a full disk')
      await pause(200)
    }
    const freed = performance.now()
    await free()
    await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready again' })
    world.note('recoveryMsMax', performance.now() - freed)
    await publisher.stop()
  }
)

story('the disk of everything is full', { id: 'F7', qos: 2, promise: { reconnects: 0 } }, async (world) => {
  const broker = await world.mosquitto()
  const postgres = await world.postgres({ tmpfs: { megabytes: 192, holds: 'everything' } })
  const rialto = world.service({ mqttUrl: broker.url, databaseUrl: postgres.url, qos: 2 })
  await rialto.start()
  const publisher = world.publisher({ url: broker.url, qos: 2, perSecond: 1_000, payloadBytes: 4_000 })
  await untilNext(publisher, 500)
  const free = await fillDisk(postgres.directory)
  // Until there is no room for its write-ahead log, either: then Postgres panics, recovers, panics again, and may give up
  const writeLog = `select pg_logical_emit_message(false, 'fault', repeat('x', 4000000))`
  await eventually(() =>
    query(postgres.url, writeLog).then(
      () => false,
      () => true
    )
  )
  await eventually(async () => /PANIC:.*No space left on device/.test(await postgres.log()), {
    what: 'a panic'
  })
  await eventually(async () => !(await rialto.isReady()), { withinMs: 90_000, what: 'it is not ready' })
  await pause(sized(15, 2) * 1_000)
  await publisher.stop()
  await free()
  if (!postgres.isRunning()) await postgres.start()
  await eventually(() => rialto.isReady(), { withinMs: 60_000, what: 'the service is ready again' })
})
