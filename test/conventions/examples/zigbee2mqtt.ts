/** Messages of zigbee2mqtt. */

import type { Examples } from './example.ts'
import { exposesOfLight } from './zigbee2mqtt-parts.ts'

const devices = [
  { ieee_address: '0x00124b00120144ae', type: 'Coordinator', friendly_name: 'Coordinator', definition: null },
  {
    ieee_address: '0x00158d00018255df',
    type: 'EndDevice',
    network_address: 29_159,
    supported: true,
    friendly_name: 'cellar',
    power_source: 'Battery',
    model_id: 'lumi.weather',
    definition: {
      model: 'WSDCGQ11LM',
      vendor: 'Aqara',
      description: 'Temperature and humidity sensor',
      exposes: [
        { type: 'numeric', name: 'temperature', property: 'temperature', unit: '°C', access: 1 },
        { type: 'numeric', name: 'humidity', property: 'humidity', unit: '%', access: 1 },
        {
          type: 'list',
          name: 'no_occupancy_since',
          property: 'no_occupancy_since',
          item_type: { type: 'numeric', unit: 's' }
        }
      ]
    }
  },
  {
    ieee_address: '0x90fd9ffffe6494fc',
    type: 'Router',
    supported: true,
    friendly_name: 'kitchen/floor_light',
    power_source: 'Mains (single phase)',
    software_build_id: '1.3.009',
    definition: {
      model: 'LED1624G9',
      vendor: 'IKEA',
      description: 'TRADFRI LED bulb',
      exposes: exposesOfLight
    }
  },
  {
    ieee_address: '0x00169a00022256da',
    type: 'Router',
    supported: false,
    friendly_name: 'odd',
    definition: null
  }
]

const said = (topic: string, payload: unknown, quiet = false): Examples['messages'][number] => ({
  topic: `zigbee2mqtt/${topic}`,
  text: typeof payload === 'string' ? payload : JSON.stringify(payload),
  ...(quiet && { quiet })
})

export const zigbee2mqtt: Examples = {
  messages: [
    said('bridge/state', { state: 'online' }),
    said('bridge/info', {
      version: '2.1.0',
      commit: '772f6c0',
      coordinator: { ieee_address: '0x00124b00120144ae', type: 'zStack3x0', meta: { revision: 20_210_708 } },
      network: { channel: 15, pan_id: 5_674 },
      log_level: 'info',
      permit_join: false,
      restart_required: false,
      config: { mqtt: { server: 'mqtt://localhost' } }
    }),
    said('bridge/devices', devices),
    said('bridge/groups', [
      {
        id: 1,
        friendly_name: 'all lights',
        scenes: [],
        members: [{ ieee_address: '0x90fd9ffffe6494fc', endpoint: 1 }]
      }
    ]),
    said('cellar/availability', { state: 'online' }),
    said('kitchen/floor_light/availability', 'online'),
    said('cellar', { temperature: 11.4, humidity: 71.2, battery: 91, last_seen: '2026-11-24T11:59:58.000Z' }),
    said('kitchen/floor_light', {
      state: 'ON',
      brightness: 215,
      color_temp: 325,
      color: { hue: 30 },
      linkquality: 120,
      update: { state: 'idle', installed_version: 1 }
    }),
    said('all lights', { state: 'ON' }),
    said('button', { action: 'single', linkquality: 87 }),
    said('button', { action: '' }, true),
    said('knob', { action: 'rotate_right', action_angle: 35 }),
    said('kitchen/floor_light/brightness', '200'),
    said('kitchen/floor_light/color-hue', '31', true),
    said('kitchen/floor_light/set', { state: 'OFF' }),
    said('kitchen/floor_light/set/state', 'OFF', true),
    said('kitchen/floor_light/get', { state: '' }),
    said('kitchen/floor_light/get/state', '', true),
    said('bridge/request/permit_join', { value: true, transaction: 23 }),
    said('bridge/response/permit_join', { data: { value: true }, status: 'ok', transaction: 23 }),
    said('bridge/response/permit_join', {
      data: {},
      error: 'Failed to connect to adapter',
      status: 'error',
      transaction: '24'
    }),
    said('bridge/event', {
      type: 'device_announce',
      data: { friendly_name: 'cellar', ieee_address: '0x00158d00018255df' }
    }),
    said('bridge/logging', { level: 'info', message: 'Zigbee: allowing new devices to join.' }),
    said('bridge/log', { type: 'device_connected', message: 'cellar' }, true),
    said('bridge/health', { response_time: 1_750_000_000_000, process: { uptime_sec: 1_200 }, devices: {} }),
    said('bridge/state', 'offline')
  ]
}
