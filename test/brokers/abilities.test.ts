/**
 * What each broker can do, found out by doing it, is what the other tests expect of it and what docs/brokers.md says.
 * FULL=1 records it for that document.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { embedded, mosquitto, nats, rabbitmq } from '../support/known-brokers.ts'
import { measure } from '../support/probe.ts'
import { record } from './results.ts'

for (const known of [mosquitto, rabbitmq, nats, embedded]) {
  test(`${known.name} can do what is expected of it, neither less nor more`, async () => {
    const broker = await known.start()
    const measured = await measure(broker.url)
    await record('abilities', known.name, { version: await known.version(), ...measured })
    assert.deepEqual(measured, known.able)
  })
}
