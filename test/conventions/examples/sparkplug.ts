/** Messages of Sparkplug B, in the order of a node's life: an edge node with a boiler, as its host applications see it. */

import { deflateSync, gzipSync } from 'node:zlib'
import { encodePayload } from '../../../src/conventions/sparkplug/payload.ts'
import { bdSeq, datum, metric } from '../sparkplug-messages.ts'
import type { Example, Examples } from './example.ts'

const start = Date.UTC(2026, 10, 24, 11, 59, 0)

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Of the node: a second after the one before it, and with the next seq. */
const node = (type: string, seq: number | null, metrics: readonly object[], more: object = {}): Example => {
  const [verb, device] = type.split(' ')
  const timestamp = start + (seq ?? 0) * 1_000
  return {
    topic: `spBv1.0/Plant/${verb}/Edge1${device === undefined ? '' : `/${device}`}`,
    hex: hexOf(encodePayload({ timestamp, metrics, ...(seq !== null && { seq }), ...more }))
  }
}

const celsius = {
  keys: ['engUnit', 'engLow', 'engHigh'],
  values: [
    { type: 12, stringValue: '°C' },
    { type: 10, doubleValue: 0 },
    { type: 10, doubleValue: 120 }
  ]
}

const quality = (code: number): object => ({
  properties: { keys: ['Quality'], values: [{ type: 3, intValue: code }] }
})

const pump = (rpm: number, hours: number): object => ({
  templateRef: 'Pump',
  isDefinition: false,
  metrics: [metric('RPM', 'Int32', rpm), metric('Hours', 'UInt32', hours)],
  parameters: [{ name: 'Maker', type: 12, stringValue: 'ACME' }]
})

const compressed = (seq: number, body: Uint8Array, algorithm: string): Example =>
  node('NDATA', seq, [metric('algorithm', 'String', algorithm)], { uuid: 'SPBV1.0_COMPRESSED', body })

const inner = (seq: number): Uint8Array =>
  encodePayload({ timestamp: start + seq * 1_000, seq, metrics: [datum(1, 'Float', 12.25 + seq)] })

export const sparkplug: Examples = {
  messages: [
    { topic: 'spBv1.0/STATE/scada', text: '{"online":true,"timestamp":1795521500000}' },
    node('NBIRTH', 0, [
      bdSeq(3),
      metric('Node Control/Rebirth', 'Boolean', false),
      metric('Supply Voltage', 'Float', 12.1, { alias: 1 }),
      metric('Uptime', 'UInt64', 18446744073709551615n, { alias: 2 }),
      metric('Clock', 'DateTime', start, { alias: 3 }),
      {
        name: 'Pump',
        datatype: 19,
        templateValue: {
          isDefinition: true,
          metrics: [metric('RPM', 'Int32', 0), metric('Hours', 'UInt32', 0)]
        }
      }
    ]),
    node('DBIRTH Boiler', 1, [
      metric('Temperature', 'Double', 64.5, { alias: 10, properties: celsius }),
      metric('Burner', 'Boolean', true, { alias: 11 }),
      metric('Setpoint', 'Int16', -5, { alias: 12 }),
      metric('Serial', 'UUID', '1b4e28ba-2fa1-11d2-883f-0016d3cca427', { alias: 13 }),
      metric('Profile', 'FloatArray', [20.5, 21, 19.75], { alias: 14 }),
      metric('Zones', 'BooleanArray', [true, false, true], { alias: 15 }),
      metric('Alarms', 'StringArray', ['low water', ''], { alias: 16 }),
      metric(
        'Shifts',
        'DataSet',
        {
          columns: ['name', 'hours'],
          types: ['String', 'Int32'],
          rows: [
            ['day', 8],
            ['night', 10]
          ]
        },
        { alias: 17 }
      ),
      metric('Recipe', 'File', 'eyJhIjoxfQ==', {
        alias: 18,
        metadata: { fileName: 'recipe.json', contentType: 'application/json' }
      }),
      { name: 'Feed Pump', datatype: 19, alias: 19, templateValue: pump(1500, 812) }
    ]),
    node('NDATA', 2, [datum(1, 'Float', 12.3)]),
    node('DDATA Boiler', 3, [datum(10, 'Double', 66.25), datum(11, 'Boolean', false)]),
    node('DDATA Boiler', 4, [
      datum(10, 'Double', 65, { isHistorical: true, timestamp: start - 60_000 }),
      datum(12, 'Int16', null)
    ]),
    node('DDATA Boiler', 5, [datum(10, 'Double', 140, quality(0)), datum(11, 'Boolean', true, quality(500))]),
    node('DDATA Boiler', 6, [{ alias: 19, templateValue: { metrics: [datum('RPM', 'Int32', 1480)] } }]),
    { ...compressed(7, deflateSync(inner(7)), 'DEFLATE'), quiet: true },
    { ...compressed(8, gzipSync(inner(8)), 'GZIP'), quiet: true },
    node('DCMD Boiler', null, [metric('Setpoint', 'Int16', 70)]),
    node('DDATA Boiler', 9, [datum(12, 'Int16', 70)]),
    node('NCMD', null, [metric('Node Control/Rebirth', 'Boolean', true)]),
    node('NDATA', 11, [datum(99, 'Float', 1)]),
    node('DDEATH Boiler', 12, []),
    node('NDEATH', null, [metric('bdSeq', 'UInt64', 2)]),
    node('NDEATH', null, [metric('bdSeq', 'UInt64', 3)]),
    {
      ...node('NBIRTH', 0, [bdSeq(4), metric('Supply Voltage', 'Float', 12, { alias: 1 })]),
      topic: '$sparkplug/certificates/spBv1.0/Plant/NBIRTH/Edge2'
    },
    {
      ...node('DBIRTH Boiler', 1, [metric('Setpoint', 'Int16', 65, { alias: 12 })]),
      topic: '$sparkplug/certificates/spBv1.0/Plant/DBIRTH/Edge2/Boiler'
    },
    { topic: 'STATE/oldscada', text: 'OFFLINE' }
  ]
}
