/** Many datapoints in a database, written as the projector writes them. */

import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startService } from '../support/service.ts'
import { chunkOf, messageOf, point } from '../support/projected.ts'
import { openTestStore } from '../support/store.ts'

/** Each is a millisecond behind the one before it. */
export const firstObservedAt = 1_700_000_000_000
const perMessage = 100
const messagesAtOnce = 100

/**
 * At least `count`, of 1,000 metrics, in a database that is empty; gives how many. A service started with the same
 * environment finds the projection that it would have made, and leaves it as it is.
 */
export async function fillDatabase(
  environment: { DATABASE_URL: string; MQTT_URL: string },
  count: number
): Promise<number> {
  const url = environment.DATABASE_URL
  const service = await startService(environment)
  await eventually(async () => (await query(url, 'select from projections')).length > 0, {
    what: 'the projection is there'
  })
  await service.kill('SIGTERM')
  const { store, receive } = await openTestStore({ url })
  const { id, doneSeq } = await store.projections.current({ hash: '', text: '' })
  let done = doneSeq
  let written = 0
  while (written < count) {
    const { base, topicIds } = (await receive(
      ...Array.from({ length: messagesAtOnce }, (_, index) => ({ topic: `many/d${index % 10}` }))
    ))!
    const messages = Array.from({ length: messagesAtOnce }, (_, index) => {
      const topic = `many/d${index % 10}`
      const datapoints = Array.from({ length: perMessage }, (_value, n) =>
        point(`d${index % 10}`, `metric-${n}`, written + index * perMessage + n + 0.5, {
          observedAt: firstObservedAt + written + index * perMessage + n,
          unit: '°C'
        })
      )
      return messageOf(base + index + 1, { topic, topicId: topicIds.get(topic)!.id }, { datapoints })
    })
    await store.projections.write(id, chunkOf(done, messages), { live: false })
    done = base + messagesAtOnce
    written += messagesAtOnce * perMessage
  }
  await store.close()
  return written
}
