/** Messages of Shelly devices of the second generation and later. */

import type { Examples } from './example.ts'

const plug = 'shellyplus1pm-4417939a5610'
const sensor = 'shellyplusht-b8d61a8b17cc'

const notify = (src: string, method: string, params: object): object => ({
  src,
  dst: `${src}/events`,
  method,
  params
})

const said = (topic: string, payload: unknown, quiet = false): Examples['messages'][number] => ({
  topic,
  text: typeof payload === 'string' ? payload : JSON.stringify(payload),
  ...(quiet && { quiet })
})

export const shelly: Examples = {
  messages: [
    said(`${plug}/online`, 'true'),
    said(
      `${plug}/events/rpc`,
      notify(plug, 'NotifyStatus', {
        ts: 1_795_521_599.41,
        'switch:0': { id: 0, output: true, source: 'MQTT', voltage: 224.18 }
      })
    ),
    said(
      `${plug}/events/rpc`,
      notify(plug, 'NotifyStatus', { ts: 1_795_521_600.5, 'switch:0': { id: 0, apower: 918.63 } })
    ),
    said(
      `${plug}/events/rpc`,
      notify(plug, 'NotifyStatus', {
        ts: 1_795_521_660,
        'switch:0': {
          id: 0,
          aenergy: { by_minute: [15_310.5, 0, 0], minute_ts: 1_795_521_660, total: 1_234.5 },
          timer_started_at: null
        }
      }),
      true
    ),
    said('Terrasse/status/switch:0', {
      id: 0,
      source: 'HTTP',
      output: true,
      temperature: { tC: 54, tF: 129.3 }
    }),
    said(
      `${sensor}/events/rpc`,
      notify(sensor, 'NotifyFullStatus', {
        ts: 1_795_521_580.62,
        ble: {},
        cloud: { connected: false },
        'devicepower:0': { id: 0, battery: { V: 5.46, percent: 73 }, external: { present: false } },
        'humidity:0': { id: 0, rh: 42.2 },
        'temperature:0': { id: 0, tC: 19.8, tF: 67.6 },
        sys: { mac: 'B8D61A8B17CC', uptime: 3, ram_free: 164_244, available_updates: {} },
        wifi: { sta_ip: '192.168.3.183', status: 'got ip', rssi: -47 }
      })
    ),
    said('shellypro3em-08f9e0e5c790/status/em:0', {
      id: 0,
      a_current: 1.2,
      a_voltage: 231.4,
      a_act_power: 240.1,
      a_aprt_power: 277.7,
      a_pf: 0.87,
      a_freq: 50,
      total_act_power: 480.2
    }),
    said('shellypro3em-08f9e0e5c790/status/emdata:0', { id: 0, total_act: 7_260.1, total_act_ret: 12 }, true),
    said(
      'shellyplusi4-a8032ab9c910/events/rpc',
      notify('shellyplusi4-a8032ab9c910', 'NotifyEvent', {
        ts: 1_795_521_610.1,
        events: [{ component: 'input:0', id: 0, event: 'single_push', ts: 1_795_521_610.05 }]
      })
    ),
    said(
      `${plug}/events/rpc`,
      notify(plug, 'NotifyEvent', {
        ts: 1_795_521_611,
        events: [
          {
            component: 'switch:0',
            id: 0,
            event: 'config_changed',
            restart_required: false,
            ts: 1_795_521_611,
            cfg_rev: 34
          }
        ]
      })
    ),
    said(
      'shelly1g3-34b7da8b1c2c/events/rpc',
      notify('shelly1g3-34b7da8b1c2c', 'NotifyStatus', {
        ts: 1_795_521_620,
        'bthomedevice:200': { id: 200, rssi: -61, battery: 98, last_updated_ts: 1_795_521_619 },
        'bthomesensor:200': { id: 200, value: 21.4, last_updated_ts: 1_795_521_619 }
      })
    ),
    said('Terrasse/announce', {
      id: 'shellyplus1-a8032abe54dc',
      name: 'Terrasse',
      mac: 'A8032ABE54DC',
      model: 'SNSW-001X16EU',
      gen: 2,
      ver: '1.4.4',
      app: 'Plus1'
    }),
    said(`${plug}/debug/log`, 'shelly_ejs_rpc.cpp:41 Shelly.call Switch.Set'),
    said(`${plug}/rpc`, { id: 1, src: 'rialto', method: 'Switch.Set', params: { id: 0, on: true } }),
    said('rialto/rpc', { id: 1, src: plug, dst: 'rialto', result: { was_on: false } }),
    said('rialto/Terrasse/rpc', {
      id: 2,
      src: 'shellyplus1-a8032abe54dc',
      dst: 'rialto/Terrasse',
      error: { code: -105, message: "Argument 'id', value 7 not found!" }
    }),
    said(`${plug}/command/switch:0`, 'off', true),
    said(`${plug}/command`, 'status_update', true),
    said(`${plug}/online`, 'false')
  ]
}
