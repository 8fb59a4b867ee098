/** Messages of Tasmota devices. */

import type { Examples } from './example.ts'

const config = {
  ip: '192.168.2.71',
  dn: 'Boiler',
  fn: ['Boiler', null, null, null, null, null, null, null],
  hn: 'tasmota-F17F56-8022',
  mac: 'E09806F17F56',
  md: 'Athom Plug V2',
  ty: 0,
  if: 0,
  ofln: 'Offline',
  onln: 'Online',
  state: ['OFF', 'ON', 'TOGGLE', 'HOLD'],
  sw: '14.2.0',
  t: 'boiler',
  ft: '%prefix%/%topic%/',
  tp: ['cmnd', 'stat', 'tele'],
  rl: [1, 0, 0, 0, 0, 0, 0, 0],
  swc: [-1, -1, -1, -1, -1, -1, -1, -1],
  btn: [0, 0, 0, 0, 0, 0, 0, 0],
  so: { '4': 0, '11': 0 },
  lk: 0,
  lt_st: 0,
  ver: 1
}

const status0 = {
  StatusFWR: {
    Version: '14.2.0(release-tasmota)',
    BuildDateTime: '2024-08-01T10:00:00',
    Hardware: 'ESP8285'
  },
  StatusNET: { Hostname: 'boiler-8022', IPAddress: '192.168.2.71', Mac: 'E0:98:06:F1:7F:56', Webserver: 2 },
  StatusMEM: { ProgramSize: 650, Heap: 26 }
}

const said = (topic: string, payload: unknown, quiet = false): Examples['messages'][number] => ({
  topic,
  text: typeof payload === 'string' ? payload : JSON.stringify(payload),
  ...(quiet && { quiet })
})

export const tasmota: Examples = {
  options: { timezone: 'Europe/Berlin' },
  messages: [
    said('tasmota/discovery/E09806F17F56/config', config),
    said('tasmota/discovery/E09806F17F56/sensors', {
      sn: { Time: '2026-11-24T12:59:00', ENERGY: { Total: 7.1, Power: 0 } },
      ver: 1
    }),
    said('tele/boiler/LWT', 'Online'),
    said('tele/boiler/INFO1', {
      Info1: { Module: 'Athom Plug V2', Version: '14.2.0(tasmota)', FallbackTopic: 'cmnd/DVES_F17F56_fb/' }
    }),
    said(
      'tele/boiler/INFO2',
      { Info2: { WebServerMode: 'Admin', Hostname: 'boiler-8022', IPAddress: '192.168.2.71' } },
      true
    ),
    said('tele/boiler/INFO3', { Info3: { RestartReason: 'Software/System restart', BootCount: 12 } }, true),
    said('tele/boiler/STATE', {
      Time: '2026-11-24T12:59:30',
      Uptime: '0T18:36:12',
      UptimeSec: 66_972,
      Heap: 28,
      POWER: 'OFF',
      Wifi: { AP: 1, SSId: 'home', Channel: 13, RSSI: 100, Signal: -48 }
    }),
    said('tele/boiler/SENSOR', {
      Time: '2026-11-24T12:59:30',
      ENERGY: {
        TotalStartTime: '2026-01-05T12:41:22',
        Total: 13.487,
        Today: 0.12,
        Power: 190,
        Voltage: 233,
        Current: 0.82,
        Factor: 0.99
      },
      DS18B20: { Id: '00000566CC39', Temperature: 48.5 },
      TempUnit: 'C'
    }),
    said('stat/boiler/RESULT', { POWER: 'ON' }),
    said('stat/boiler/POWER', 'ON'),
    said('stat/boiler/RESULT', { Button1: { Action: 'DOUBLE' } }),
    said('stat/boiler/RESULT', { Switch1: { Action: 'ON' } }, true),
    said('stat/boiler/STATUS', status0),
    said('stat/boiler/STATUS8', {
      StatusSNS: { Time: '2026-11-24T12:59:31', DS18B20: { Temperature: 48.6 }, TempUnit: 'C' }
    }),
    said('stat/boiler/STATUS11', { StatusSTS: { Time: '2026-11-24T12:59:31', POWER: 'ON' } }, true),
    said('stat/boiler/LOGGING', '13:00:01.281 MQT: stat/boiler/RESULT = {"POWER":"ON"}'),
    said('tele/boiler/POWER_LOW', 'ON'),
    said('tele/hall/SENSOR', {
      Time: '2026-11-24T12:59:40',
      BME280: { Temperature: 68.9, Humidity: 41.5, Pressure: 740.1 },
      TX23: { Speed: { Act: 14.8, Avg: 8.5 }, Dir: { Card: 'WSW', Deg: 247.5 } },
      PressureUnit: 'mmHg',
      TempUnit: 'F',
      SpeedUnit: 'km/h'
    }),
    said('tele/bridge/RESULT', { IrReceived: { Protocol: 'NEC', Bits: 32, Data: '0x00FF00FF', Repeat: 0 } }),
    said(
      'tele/bridge/RESULT',
      { RfReceived: { Sync: 12_990, Low: 430, High: 1_290, Data: '0x7028D8', RfKey: 1 } },
      true
    ),
    said('tele/bridge/8F20/SENSOR', {
      ZbReceived: {
        Kitchen: {
          Device: '0x8F20',
          Temperature: 21.01,
          Pressure: 1_004.04,
          PressureUnit: 'hPa',
          Battery: 98,
          LinkQuality: 88
        }
      }
    }),
    said('tele/bridge/SENSOR', {
      ZbReceived: { remote: { Device: '0xF72F', '0006!02': '', Power: 2, Endpoint: 1, LinkQuality: 75 } }
    }),
    said('cmnd/boiler/POWER', 'TOGGLE'),
    said('tele/boiler/LWT', 'Offline')
  ]
}
