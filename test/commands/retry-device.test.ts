/** A retry reaches the device as another command: through the whole service, by the mappings of then. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { adopted } from '../support/adopted.ts'
import { postJson, request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

const mapping = (command: string): string => `
mappings:
  - name: heaters
    topic: heater/{device}/state
    decoder: json
    commands:
      - { name: set, topic: "heater/{device}/${command}" }
`

test('a command to a device is retried by the mappings of now, with an id of its own', async () => {
  const broker = await startBroker()
  const file = await mappingFile(mapping('set'))
  const app = await startBridge({ mqttUrl: broker.url, config: { mappingsFile: file } })
  await adopted(app)
  const heater = await connectClient(broker.url)
  await heater.client.subscribeAsync('heater/+/+', { qos: 1 })
  await heater.client.publishAsync('heater/attic/state', '{"target":20}', { qos: 1 })
  await eventually(async () => (await request(`${app.url}/v1/devices/attic`)).status === 200)

  const command = { device: 'attic', name: 'set', payload: { target: 21 }, encoding: 'cbor' }
  const first = await postJson(`${app.url}/v1/commands`, command, { prefer: 'wait=10' })
  assert.deepEqual([first.status, first.body.topic, first.body.state], [200, 'heater/attic/set', 'published'])

  await writeFile(file, mapping('command'))
  const reloaded = await postJson(`${app.url}/v1/mappings/reload`, { rebuild: false })
  assert.equal(reloaded.status, 200, JSON.stringify(reloaded.body))
  const retry = await request(`${app.url}/v1/commands/${first.body.id}/retry`, {
    method: 'POST',
    headers: { prefer: 'wait=10' }
  })
  const { id, topic, state, retryOf, device, name, payloadBase64, properties } = retry.body
  assert.deepEqual(
    [retry.status, topic, state, retryOf, device, name],
    [200, 'heater/attic/command', 'published', first.body.id, 'attic', 'set']
  )
  assert.deepEqual([payloadBase64, properties.contentType], [first.body.payloadBase64, 'application/cbor'])

  const came = await eventually(() => {
    const packets = heater.packets.filter(({ topic }) => topic !== 'heater/attic/state')
    return packets.length === 2 && packets
  })
  assert.deepEqual(
    came.map(({ topic, payload, properties: of }) => [
      topic,
      Buffer.from(payload).toString('base64'),
      of?.contentType,
      { ...of?.userProperties }['rialto-command-id']
    ]),
    [
      ['heater/attic/set', payloadBase64, 'application/cbor', first.body.id],
      ['heater/attic/command', payloadBase64, 'application/cbor', id]
    ]
  )
  await eventually(
    async () => (await request(`${app.url}/v1/commands?device=attic&name=set`)).body.items.length === 2
  )
})
