/** Messages of Home Assistant discovery: single entities, a device with all of its entities, and what they tell. */

import type { Examples } from './example.ts'

const said = (topic: string, payload: object | string, quiet = false): Examples['messages'][number] => ({
  topic,
  text: typeof payload === 'string' ? payload : JSON.stringify(payload),
  ...(quiet && { quiet })
})

const bedroom = {
  identifiers: ['bedroom01ae'],
  name: 'Bedroom',
  manufacturer: 'Example sensors Ltd.',
  model: 'Example Sensor'
}

const remote = { ids: ['remote7'], name: 'Remote', mf: 'Bla electronics' }

export const homeassistant: Examples = {
  messages: [
    said('homeassistant/status', 'online'),
    said('homeassistant/sensor/sensorBedroomT/config', {
      device_class: 'temperature',
      state_topic: 'homeassistant/sensor/sensorBedroom/state',
      unit_of_measurement: '°C',
      value_template: '{{ value_json.temperature }}',
      unique_id: 'temp01ae',
      device: bedroom
    }),
    said('homeassistant/sensor/sensorBedroomH/config', {
      device_class: 'humidity',
      state_topic: 'homeassistant/sensor/sensorBedroom/state',
      unit_of_measurement: '%',
      value_template: '{{ value_json.humidity | round(0) }}',
      unique_id: 'hum01ae',
      device: bedroom
    }),
    said('homeassistant/sensor/sensorBedroom/state', { temperature: 23.2, humidity: 43.7 }),
    said('homeassistant/light/kitchen/config', {
      '~': 'homeassistant/light/kitchen',
      name: 'Kitchen',
      uniq_id: 'kitchen_light',
      cmd_t: '~/set',
      stat_t: '~/state',
      schema: 'json',
      brightness: true
    }),
    said('homeassistant/light/kitchen/state', {
      state: 'ON',
      brightness: 120,
      color: { r: 255, g: 0, b: 0 }
    }),
    said('homeassistant/light/kitchen/set', { state: 'OFF' }),
    said('homeassistant/device/0AFFD2/config', {
      dev: { ids: 'ea334450945afc', name: 'Kitchen hub', mf: 'Bla electronics', mdl: 'xya', sw: '1.0' },
      o: { name: 'bla2mqtt', sw: '2.1', url: 'https://bla2mqtt.example.com/support' },
      cmps: {
        t: { p: 'sensor', dev_cla: 'temperature', unit_of_meas: '°C', val_tpl: '{{ value_json.t }}' },
        door: {
          p: 'binary_sensor',
          name: 'Door',
          val_tpl: '{{ value_json.door }}',
          pl_on: true,
          pl_off: false
        },
        plug: {
          p: 'switch',
          name: 'Plug',
          stat_t: 'hub/plug',
          cmd_t: 'hub/plug/set',
          pl_on: '1',
          pl_off: '0'
        },
        level: { p: 'number', name: 'Level', stat_t: 'hub/level', cmd_t: 'hub/level/set', min: 0, max: 10 },
        restart: { p: 'button', name: 'Restart', cmd_t: 'hub/restart' },
        odd: { p: 'sensor', name: 'Odd', val_tpl: '{{ value_json.x * 2 }}' }
      },
      stat_t: 'hub/state',
      avty: [{ t: 'hub/up' }, { t: 'hub/bridge', val_tpl: '{{ value_json.state }}' }],
      avty_mode: 'all',
      qos: 1
    }),
    said('hub/up', 'online'),
    said('hub/bridge', { state: 'online' }),
    said('hub/state', { t: 21.5, door: true, x: 4 }),
    said('hub/plug', '1'),
    said('hub/level', '7'),
    said('hub/level', 'high', true),
    said('homeassistant/climate/heating/config', {
      name: 'Heating',
      uniq_id: 'heating1',
      modes: ['off', 'heat'],
      mode_cmd_t: 'heating/mode/set',
      mode_stat_t: 'heating/mode',
      temp_cmd_t: 'heating/target/set',
      temp_stat_t: 'heating/target',
      curr_temp_t: 'heating/now',
      temp_unit: 'C',
      json_attr_t: 'heating/attributes'
    }),
    said('heating/mode', 'heat'),
    said('heating/target', '21.0'),
    said('heating/now', '19.4'),
    said('heating/attributes', { valve: 40 }),
    said('homeassistant/cover/blind/config', {
      name: 'Blind',
      uniq_id: 'blind1',
      cmd_t: 'blind/set',
      pos_t: 'blind/position',
      set_pos_t: 'blind/position/set',
      avty_t: 'blind/up',
      pl_avail: 'Online',
      pl_not_avail: 'Offline'
    }),
    said('blind/position', '30'),
    said('blind/up', 'Offline'),
    said('homeassistant/device_automation/remote7/one/config', {
      atype: 'trigger',
      type: 'button_short_press',
      stype: 'button_1',
      t: 'remote7/action',
      pl: 'single',
      dev: remote
    }),
    said('remote7/action', 'single'),
    said('homeassistant/event/bell/config', {
      name: 'Bell',
      uniq_id: 'bell1',
      stat_t: 'bell/event',
      evt_typ: ['press', 'hold'],
      dev_cla: 'doorbell'
    }),
    said('bell/event', { event_type: 'press', seconds: 2 }),
    said('homeassistant/sensor/sensorBedroomH/config', '')
  ]
}
