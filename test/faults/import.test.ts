/** A long import: killed in the middle and sent again, and in memory that does not grow with it. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase, query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Service } from '../support/service.ts'
import { startService } from '../support/service.ts'

const full = process.env['FULL'] === '1'
const broker = await startBroker()
const day = Date.parse('2020-01-01T00:00:00Z')

/** With a cursor that is passed over, and makes it long. */
const lineOf = (n: number, cursor: string): string =>
  `{"device":"d${n % 50}","metric":"m${n % 3}","observedAt":"${new Date(day + n * 100).toISOString()}","value":${n},"cursor":"${cursor}"}\n`

/** Written as it is taken. */
function fileOf(count: number, cursorChars: number): ReadableStream<Uint8Array> {
  const cursor = 'x'.repeat(cursorChars)
  let n = 0
  return new ReadableStream({
    pull(controller) {
      if (n === count) return controller.close()
      let text = ''
      for (const end = Math.min(n + 1_000, count); n < end; n++) text += lineOf(n, cursor)
      controller.enqueue(Buffer.from(text))
    }
  })
}

const send = ({ url }: Service, id: string, count: number, cursorChars = 0) =>
  request(`${url}/v1/import/datapoints?id=${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: fileOf(count, cursorChars),
    duplex: 'half'
  } as RequestInit)

const start = (databaseUrl: string, more: Record<string, string> = {}): Promise<Service> =>
  startService({ MQTT_URL: broker.url, DATABASE_URL: databaseUrl, RIALTO_TOPICS: 'nothing/#', ...more })

/** Waits until all of it is projected. */
async function assertEachOnce(url: string, count: number): Promise<void> {
  const [row] = await eventually(
    async () => {
      const rows = await query<{ rows: number; values: number; first: number; last: number }>(
        url,
        `select count(*)::int as rows, count(distinct number)::int as values, min(number)::int as first,
           max(number)::int as last from datapoints`
      )
      return rows[0]!.rows >= count && rows
    },
    { withinMs: 600_000, everyMs: 500, what: 'all of it to be projected' }
  )
  assert.deepEqual(row, { rows: count, values: count, first: 0, last: count - 1 })
}

test('kill -9 in the middle of an import, again and again: each line is there once', async (t) => {
  const url = await createDatabase()
  const count = full ? 1_000_000 : 60_000
  const linesOf = async (): Promise<number> =>
    Number((await query<{ lines: string }>(url, `select lines from imports where id = 'k'`))[0]?.lines ?? 0)
  let service = await start(url)
  const kills = full ? 12 : 3
  for (let kill = 1; kill <= kills; kill++) {
    const sending = send(service, 'k', count).catch((error: unknown) => error)
    const at = (count / (kills + 1)) * (kill - Math.random() * 0.5)
    await eventually(async () => (await linesOf()) >= at, { withinMs: 300_000, everyMs: 5 })
    await service.kill('SIGKILL')
    assert.ok((await sending) instanceof Error)
    assert.ok((await linesOf()) < count, 'it was in the middle')
    service = await start(url)
    // What was killed may be alive, for all that the others know, until its time is over
    await eventually(
      async () => (await request(`${service.url}/v1/imports/k`)).body.state === 'interrupted',
      { withinMs: 30_000 }
    )
  }
  const { status, body } = await send(service, 'k', count)
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual([body.lines, body.datapoints], [count, count])
  assert.ok(body.skippedLines > count / 2)
  await assertEachOnce(url, count)
  t.diagnostic(`${kills} kills, ${body.skippedLines} of ${count} lines passed over by the last request`)
  await service.kill('SIGTERM')
})

const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024

test('memory does not grow with the length of a file', async (t) => {
  const url = await createDatabase()
  const [count, cursorChars] = [full ? 5_000_000 : 200_000, 1_000]
  const fileMb = (count * (cursorChars + 90)) / 1e6
  // Garbage is collected while there is little of it, so that what is measured is what is held
  const service = await start(url, { NODE_OPTIONS: '--max-semi-space-size=8' })
  const pid = service.child.pid!
  const samples: Array<{ lines: number; mb: number }> = []
  const since = performance.now()
  let done = false
  const sending = send(service, 'm', count, cursorChars).finally(() => (done = true))
  while (!done) {
    const { body } = await request(`${service.url}/v1/imports/m`)
    samples.push({ lines: body.lines ?? 0, mb: rssMb(pid) })
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const { status, body } = await sending
  assert.equal(status, 200, JSON.stringify(body))
  const seconds = (performance.now() - since) / 1_000
  await assertEachOnce(url, count)
  samples.push({ lines: count, mb: rssMb(pid) })
  const early = Math.max(...samples.filter(({ lines }) => lines <= count / 5).map(({ mb }) => mb))
  const late = Math.max(...samples.map(({ mb }) => mb))
  t.diagnostic(
    `${count} lines of ${Math.round(fileMb)} MB in ${seconds.toFixed(1)} s, ${Math.round(count / seconds)} a second; ` +
      `${Math.round(early)} MB in the first fifth, ${Math.round(late)} MB at most`
  )
  assert.ok(samples.length > 5)
  // The newest facts and datapoints are kept for subscribers, within bounds of their own
  assert.ok(late - early < 110, `it grew by ${Math.round(late - early)} MB`)
  assert.ok(fileMb * 0.8 > 110, 'a file that is held would show')
  await service.kill('SIGTERM')
})
