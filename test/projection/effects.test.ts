/** What a convention asks for goes to the devices behind the commit: Sparkplug data without a birth asks for one. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import { request, startBridge } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

test('a Sparkplug host asks an edge node that it does not know for its birth, once; and what waits at the end is accounted for', async () => {
  const broker = await startMosquitto()
  const app = await startBridge({
    mqttUrl: broker.url,
    config: {
      sparkplug: { hostId: 'plant', topics: ['spBv1.0/#'] },
      mappingsFile: await mappingFile('conventions: [sparkplug]')
    }
  })
  await eventually(
    async () => (await request(`${app.url}/v1/status`)).body.sparkplugHost.state === 'connected'
  )
  const edge = await connectClient(broker.url)
  await edge.client.subscribeAsync('spBv1.0/G/NCMD/#', { qos: 1 })
  const data = (node: string, seq: number): Promise<unknown> => {
    const timestamp = Date.now()
    const metrics = [{ alias: 1, timestamp, datatype: 4, longValue: 1 }]
    return edge.client.publishAsync(
      `spBv1.0/G/NDATA/${node}`,
      Buffer.from(encodePayload({ timestamp, seq, metrics })),
      { qos: 0 }
    )
  }
  for (let seq = 0; seq < 5; seq++) await data('E', seq)
  const [asked] = await eventually(() => (edge.packets.length > 0 ? edge.packets : null))
  assert.deepEqual([asked!.topic, asked!.qos, asked!.retain], ['spBv1.0/G/NCMD/E', 0, false])
  assert.match(asked!.payload.toString('latin1'), /Node Control\/Rebirth/)
  await eventually(() => app.stats.effectsPublished === 1)
  // Another node, and the end, most likely before its time: it is counted either way
  await data('F', 0)
  await eventually(
    async () => (await request(`${app.url}/v1/messages?filter=spBv1.0/G/NDATA/F`)).body.items.length === 1
  )
  await eventually(async () => {
    const { projection, journal } = (await request(`${app.url}/v1/status`)).body
    return projection.doneSeq === journal.seq
  })
  await app.close()
  assert.equal(app.stats.effectsPublished + app.stats.effectsDropped, 2)
})
