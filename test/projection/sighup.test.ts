/** `kill -HUP`: rialto.yaml is read again by the running process. */

import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { request } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { createDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'
import { startService } from '../support/service.ts'

const mapping = (metric: string): string =>
  `mappings: [{ name: m, topic: "hup/{device}", decoder: json, metrics: [{ name: ${metric}, value: v }] }]`

test('SIGHUP reads rialto.yaml again; faults are told, and the mappings before stay in use', async () => {
  const broker = await startBroker()
  const file = await mappingFile(mapping('one'))
  const service = await startService({
    DATABASE_URL: await createDatabase(),
    MQTT_URL: broker.url,
    RIALTO_CONFIG: file
  })
  await eventually(async () => (await fetch(`${service.url}/readyz`)).ok)
  const { client } = await connectClient(broker.url)
  const names = async (): Promise<string[]> => {
    const { body } = await request(`${service.url}/v1/devices/d/metrics`)
    return (body.items ?? []).map(({ metric }: { metric: string }) => metric).toSorted()
  }
  await client.publishAsync('hup/d', '{"v":1}', { qos: 1 })
  await eventually(async () => (await names()).join() === 'one')

  await writeFile(file, mapping('two'))
  service.child.kill('SIGHUP')
  // What came before is rebuilt, too
  await eventually(async () => (await names()).join() === 'two')

  await writeFile(file, 'mappings: [{ name: m, topic: "hup/{device" }]')
  service.child.kill('SIGHUP')
  const faults = await eventually(async () => {
    const { body } = await request(`${service.url}/v1/mappings`)
    return body.faults.length > 0 && body.faults
  })
  assert.equal(faults[0].line, 1)
  await client.publishAsync('hup/d', '{"v":2}', { qos: 1 })
  await eventually(async () => {
    const { body } = await request(`${service.url}/v1/devices/d/metrics`)
    return body.items[0].latest.value === 2
  })
  assert.deepEqual(await names(), ['two'])

  const { items } = (await request(`${service.url}/v1/audit`)).body
  assert.deepEqual(
    items.map(({ principal, address, action }: Record<string, unknown>) => [principal, address, action]),
    [['signal', null, 'reloadMappings']],
    'what had faults was not used'
  )
})
