/** Many simulated devices for tests of batches: one client hears all of their commands. */

import type { App } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import type { BridgeOptions } from '../support/bridge.ts'
import { request, startBridge } from '../support/bridge.ts'
import { adopted } from '../support/adopted.ts'
import { eventually } from '../support/eventually.ts'
import type { TestClient } from '../support/mqtt.ts'
import { connectClient } from '../support/mqtt.ts'
import { mappingFile } from '../support/projection.ts'

/** Lamps take `set`; gates have no command. */
const mappings = `
mappings:
  - name: lamps
    topic: lamps/{device}/state
    decoder: json
    commands:
      - { name: set, topic: "lamps/{device}/set" }
  - name: gates
    topic: gates/{device}/state
    decoder: json
`

/** Rialto hears no commands, so that the broker tells when nobody does. */
const filters = ['lamps/+/state', 'gates/+/state']

/** For each instance of the same fleet. */
export const configOf = (mappingsFile: string): Partial<Config> => ({
  mappingsFile,
  mappingsFileGiven: true,
  filters
})

export const lampOf = (n: number): string => `lamp-${String(n).padStart(4, '0')}`

export interface Fleet {
  app: App & { databaseUrl: string }
  /** Hears the commands of lamps, once it subscribes. */
  devices: TestClient
  mappingsFile: string
}

export async function startFleet(options: BridgeOptions & { lamps: number; gates?: number }): Promise<Fleet> {
  const { lamps, gates = 0, ...bridge } = options
  const mappingsFile = await mappingFile(mappings)
  const app = await startBridge({
    ...bridge,
    config: { ...configOf(mappingsFile), ...bridge.config }
  })
  await adopted(app)
  const devices = await connectClient(options.mqttUrl)
  const tell = (topic: string): Promise<unknown> =>
    devices.client.publishAsync(topic, '{"on":false}', { qos: 1 })
  for (let n = 0; n < lamps; n++) await tell(`lamps/${lampOf(n)}/state`)
  for (let n = 0; n < gates; n++) await tell(`gates/gate-${n}/state`)
  await eventually(
    async () => (await request(`${app.url}/v1/devices?limit=1000`)).body.items.length === lamps + gates,
    { what: 'the devices are known' }
  )
  return { app, devices, mappingsFile }
}

/** What came for a lamp: its name, and what for. */
export const heard = ({ packets }: TestClient): Array<{ lamp: string; id: string; payload: string }> =>
  packets.map(({ topic, payload, properties }) => ({
    lamp: topic.split('/')[1]!,
    id: String({ ...properties?.userProperties }['rialto-command-id']),
    payload: payload.toString()
  }))
