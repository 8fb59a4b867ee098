/** Messages of Homie 5: a car, a light that dims, and a bridge that is lost with what is behind it. */

import type { Examples } from './example.ts'

const car = {
  homie: '5.0',
  name: 'Supercar',
  version: 7,
  nodes: {
    engine: {
      name: 'Car engine',
      properties: {
        temperature: { name: 'Engine temperature', unit: '°C', datatype: 'float', format: '-20:120' },
        running: { datatype: 'boolean', settable: true },
        distance: { unit: 'm', datatype: 'integer' }
      }
    },
    display: {
      properties: {
        text: { datatype: 'string', settable: true },
        mode: { datatype: 'enum', format: 'day,night', settable: true },
        color: { datatype: 'color', format: 'rgb,hsv', settable: true },
        layout: { datatype: 'json' },
        since: { datatype: 'datetime' },
        left: { datatype: 'duration' }
      }
    },
    horn: { properties: { pressed: { datatype: 'boolean', retained: false } } }
  }
}

const light = {
  homie: '5.0',
  name: 'Kitchen light',
  version: 1,
  root: 'bridge',
  nodes: {
    light: {
      properties: { brightness: { datatype: 'integer', unit: '%', format: '0:100', settable: true } }
    }
  }
}

const bridge = { homie: '5.0', name: 'Bridge', version: 2, children: ['kitchen-light'] }

const text = (topic: string, payload: string, quiet = false): Examples['messages'][number] => ({
  topic: `homie/5/${topic}`,
  text: payload,
  ...(quiet && { quiet })
})

export const homie: Examples = {
  messages: [
    text('super-car/$state', 'init'),
    text('super-car/$description', JSON.stringify(car)),
    text('super-car/engine/temperature', '21.5'),
    text('super-car/engine/running', 'true'),
    text('super-car/engine/distance', '9007199254740993'),
    { topic: 'homie/5/super-car/display/text', hex: '00' },
    text('super-car/display/mode', 'night'),
    text('super-car/display/color', 'rgb,100,100,100'),
    text('super-car/display/layout', '{"rows":[1,2]}', true),
    text('super-car/display/since', '2026-11-24T12:00:00Z', true),
    text('super-car/display/left', 'PT12H5M46S', true),
    text('super-car/horn/pressed', 'true'),
    text('super-car/$state', 'ready'),
    text('super-car/$log/warn', 'Tank nearly empty'),
    text('super-car/$alert/battery', 'Battery is low, at 8%'),
    text('super-car/$alert/battery', ''),
    text('super-car/engine/temperature', 'warm'),
    text('bridge/$description', JSON.stringify(bridge), true),
    text('bridge/$state', 'ready', true),
    text('kitchen-light/$description', JSON.stringify(light), true),
    text('kitchen-light/$state', 'ready', true),
    text('kitchen-light/light/brightness/set', '100'),
    text('kitchen-light/light/brightness/$target', '100'),
    text('kitchen-light/light/brightness', '40'),
    text('$broadcast/alert', 'Intruder detected'),
    text('bridge/$state', 'lost'),
    text('super-car/$state', '')
  ]
}
