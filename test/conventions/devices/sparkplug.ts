/**
 * A Sparkplug edge node with one device: births with aliases, data by alias, its death as the will, births again on
 * request; a write to the device is answered by its data.
 */

import type { MqttClient } from 'mqtt'
import { datatypes } from '../../../src/conventions/sparkplug/datatypes.ts'
import { decodePayload, encodePayload } from '../../../src/conventions/sparkplug/payload.ts'
import type { Metric } from '../../../src/conventions/sparkplug/payload.ts'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const [group, node, device] = ['Plant', 'Edge1', 'Pump']

const topic = (type: string): string =>
  `spBv1.0/${group}/${type}/${node}${type.startsWith('D') ? `/${device}` : ''}`

/** The same in the will and the birth of a connection. */
const bdSeq = (datatype: number): object => ({ name: 'bdSeq', datatype, longValue: 7 })

class EdgeNode {
  readonly #client: MqttClient
  #seq = 0
  #speed = 1_500

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (to, payload) => this.#command(to, decodePayload(payload).metrics))
  }

  /** QoS 0, not retained, counted [tck-id-payloads-nbirth-qos] [tck-id-payloads-nbirth-retain]. */
  async #tell(type: string, metrics: object[]): Promise<void> {
    const now = Date.now()
    const payload = {
      timestamp: now,
      seq: this.#seq,
      metrics: metrics.map((metric) => ({ timestamp: now, ...metric }))
    }
    this.#seq = (this.#seq + 1) % 256
    await this.#client.publishAsync(topic(type), Buffer.from(encodePayload(payload)), { qos: 0 })
  }

  async births(): Promise<void> {
    this.#seq = 0
    await this.#tell('NBIRTH', [
      bdSeq(datatypes.Int64),
      { name: 'Node Control/Rebirth', datatype: datatypes.Boolean, booleanValue: false },
      { name: 'Supply Voltage', alias: 1, datatype: datatypes.Float, floatValue: 12.5 }
    ])
    await this.#tell('DBIRTH', [
      {
        name: 'Speed',
        alias: 2,
        datatype: datatypes.Int32,
        intValue: this.#speed,
        properties: { keys: ['engUnit'], values: [{ type: datatypes.String, stringValue: 'rpm' }] }
      },
      { name: 'Total', alias: 3, datatype: datatypes.UInt64, longValue: 18_446_744_073_709_551_614n },
      { name: 'Valve', alias: 4, datatype: datatypes.Boolean, booleanValue: false }
    ])
  }

  async data(): Promise<void> {
    await this.#tell('NDATA', [{ alias: 1, floatValue: 12.25 }])
    await this.#tell('DDATA', [
      { alias: 3, longValue: 18_446_744_073_709_551_615n },
      { alias: 4, booleanValue: true }
    ])
  }

  #command(to: string, metrics: readonly Metric[]): void {
    for (const { name, intValue, booleanValue } of metrics)
      if (to === topic('NCMD') && name === 'Node Control/Rebirth' && booleanValue === true) void this.births()
      else if (to === topic('DCMD') && name === 'Speed' && intValue !== undefined) {
        this.#speed = intValue
        void this.#tell('DDATA', [{ alias: 2, intValue }])
      }
  }
}

export const sparkplug: SimulatedDevice = {
  convention: 'sparkplug',
  filters: ['spBv1.0/#'],
  device: `${group}/${node}/${device}`,
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      clientId: `sparkplug-${node}`,
      // [tck-id-principles-persistence-clean-session-50]
      clean: true,
      protocolVersion: 5,
      reconnectPeriod: 0,
      will: {
        topic: topic('NDEATH'),
        payload: Buffer.from(encodePayload({ timestamp: Date.now(), metrics: [bdSeq(datatypes.UInt64)] })),
        qos: 1,
        retain: false
      }
    })
    const edge = new EdgeNode(client)
    await client.subscribeAsync([topic('NCMD'), topic('DCMD')], { qos: 1 })
    await edge.births()
    await edge.data()
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'Speed', value: 1_500, unit: 'rpm' },
    { metric: 'Total', value: Number(18_446_744_073_709_551_615n) },
    { metric: 'Valve', value: true }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: {
    name: 'write',
    parameters: { metric: 'Speed', value: -750 },
    shows: { metric: 'Speed', value: -750 }
  },
  refuses: null,
  ignores: { name: 'write', parameters: { metric: 'Valve', value: false } }
}
