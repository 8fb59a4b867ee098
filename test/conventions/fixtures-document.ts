/** rialto.yaml for the fixtures: all conventions at once, and two mappings for what no content type tells. */

export const document = JSON.stringify({
  automatic: true,
  conventions: [
    'airvantage',
    'sparkplug',
    { senml: { topics: ['s/+'] } },
    'homie',
    'homeassistant',
    'tasmota',
    'zigbee2mqtt',
    'shelly',
    'owntracks',
    'thingsboard',
    { 'aws-shadow': { authority: 'device' } },
    'azure-iot-hub',
    { influx: { topics: ['telegraf/+'] } }
  ],
  mappings: [
    { name: 'cbor', topic: 'x/cbor', device: 'x', decoder: 'cbor' },
    { name: 'msgpack', topic: 'x/msgpack', device: 'x', decoder: 'msgpack' }
  ]
})

/** So that a device's time is neither ahead nor ten years behind. */
export const receivedAtOf = (convention: string): number =>
  ['shelly-gen2', 'owntracks', 'influx'].includes(convention) ? Date.UTC(2024, 2, 1) : Date.UTC(2018, 0, 1)

/** What the devices have said of themselves before. */
export const describedBefore: ReadonlyArray<[topic: string, payload: object]> = [
  [
    'homie/5/super-car/$description',
    {
      homie: '5.0',
      version: 7,
      name: 'Supercar',
      nodes: {
        engine: { properties: { temperature: { datatype: 'float', unit: '°C', format: '-20:120' } } },
        display: { properties: { text: { datatype: 'string' } } }
      }
    }
  ]
]
