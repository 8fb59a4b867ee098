/** Streams of datapoints over a real projection: whatever happens to it, each datapoint comes once, in order. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { EventsAsk } from '../../src/feed/events.ts'
import { createEventSource } from '../../src/feed/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { StreamEvent } from '../../src/views.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { Projecting } from '../support/projection.ts'
import { mappingFile, received, startProjecting } from '../support/projection.ts'
import { everything } from '../support/store.ts'

const mapping = (unit: string): string => `
mappings:
  - name: m
    topic: plant/{device}
    decoder: json
    metrics:
      - { name: a, value: a, unit: ${unit} }
      - { name: b, value: b, unit: ${unit} }
      - { name: c, value: c, unit: ${unit} }
`

/** Goes on from the cursor of a random event, again and again, until `messages` have been told. */
async function readWithCuts(
  projecting: Projecting,
  messages: number,
  eventsMax: number
): Promise<StreamEvent[]> {
  const { store, feed, service } = projecting
  const head = async (): Promise<number> => (await store.journal.head()).seq
  const events = createEventSource({
    feed,
    cursors: store.cursors,
    head,
    statesByName: store.states.byNames,
    statesPage: store.states.page,
    projected: service.feed,
    limits: { ...defaultLimits, feedPageFactsMax: 50, feedPageEventsMax: 40, datapointsReadFactsMax: 20 }
  })
  const seen: StreamEvent[] = []
  let after: EventsAsk['after'] = { seq: 0, part: 0 }
  while (seen.length < messages * 4) {
    const stop = new AbortController()
    const length = 1 + Math.floor(Math.random() * eventsMax)
    let taken = 0
    const types = ['message', 'datapoint'] as const
    for await (const some of events.events(everything, { after, filters: ['plant/+'], types }, stop.signal)) {
      const taking = [...some].slice(0, length - taken)
      taken += taking.length
      seen.push(...taking.filter(({ type }) => type !== 'progress'))
      after = store.cursors.decodePosition(taking.at(-1)!.cursor, await store.journal.head())
      if (taken >= length || seen.length >= messages * 4) break
    }
    stop.abort()
  }
  return seen
}

test('while messages come and changed mappings build everything anew, a reader that is cut off gets each once', async () => {
  const file = await mappingFile(mapping('K'))
  const projecting = await startProjecting({ url: await createDatabase(), file })
  const { append, service, store } = projecting
  const messages = 1_500
  await projecting.settled() // until there is a projection, nothing is waited for
  const reading = readWithCuts(projecting, messages, 200)
  for (let at = 0; at < messages; at += 10) {
    await append(
      Array.from({ length: 10 }, (_, index) =>
        received(`plant/${(at + index) % 7}`, `{"a":${at + index},"b":true,"c":"x"}`, at + index)
      )
    )
    if (at !== 500) continue
    await writeFile(file, mapping('C'))
    const { building } = await service.projections.reload({ rebuild: true })
    assert.ok(building !== null)
  }
  const seen = await reading
  await eventually(async () => (await store.projections.building()) === null, { what: 'the switch' })

  const told = seen.map((event) =>
    event.type === 'datapoint'
      ? `${event.datapoint.seq}.${event.datapoint.n}`
      : event.type === 'message' && event.message.seq
  )
  const seqs = [...new Set(told.filter((one) => !String(one).includes('.')))]
  assert.equal(seqs.length, messages)
  assert.deepEqual(
    told,
    seqs.flatMap((seq) => [seq, `${String(seq)}.0`, `${String(seq)}.1`, `${String(seq)}.2`])
  )
  const units = new Set(seen.map((event) => event.type === 'datapoint' && event.datapoint.unit))
  assert.ok(units.has('C'), 'some were read after the mappings changed')
  projecting.feed.close()
  await projecting.end()
})
