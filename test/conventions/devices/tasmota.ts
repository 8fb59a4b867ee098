/** A plug with Tasmota that measures what it gives. */

import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const topic = 'tasmota_F17F56'
const mac = 'E09806F17F56'

const config = {
  ip: '192.168.2.71',
  dn: 'Plug',
  fn: ['Plug', null, null, null, null, null, null, null],
  hn: 'tasmota-F17F56-8022',
  mac,
  md: 'Athom Plug V2',
  ofln: 'Offline',
  onln: 'Online',
  state: ['OFF', 'ON', 'TOGGLE', 'HOLD'],
  sw: '14.2.0',
  t: topic,
  ft: '%prefix%/%topic%/',
  tp: ['cmnd', 'stat', 'tele'],
  rl: [1, 0, 0, 0, 0, 0, 0, 0],
  ver: 1
}

const power = { isOn: false }

async function start(brokerUrl: string): Promise<{ end(): Promise<void> }> {
  power.isOn = false
  const lwt = { topic: `tele/${topic}/LWT`, payload: Buffer.from('Offline'), qos: 1, retain: true } as const
  const client = await connectDevice(brokerUrl, {
    clientId: 'DVES_F17F56',
    will: lwt,
    reconnectPeriod: 0
  })
  const say = (to: string, payload: string | object, retain = false): Promise<unknown> =>
    client.publishAsync(to, typeof payload === 'string' ? payload : JSON.stringify(payload), {
      qos: 1,
      retain
    })
  // Its connection is broken on purpose
  client.on('error', () => {})
  client.on('message', (to, payload) => {
    if (!/\/POWER1?$/i.test(to)) return
    const word = payload.toString().toUpperCase()
    if (word === 'TOGGLE') power.isOn = !power.isOn
    else if (word !== '') power.isOn = ['ON', '1', 'TRUE'].includes(word)
    void say(`stat/${topic}/RESULT`, { POWER: power.isOn ? 'ON' : 'OFF' })
    void say(`stat/${topic}/POWER`, power.isOn ? 'ON' : 'OFF')
  })
  await client.subscribeAsync(`cmnd/${topic}/#`, { qos: 1 })
  await say(lwt.topic, 'Online', true)
  await say(`tasmota/discovery/${mac}/config`, config, true)
  await say(`tele/${topic}/INFO1`, { Info1: { Module: 'Athom Plug V2', Version: '14.2.0(tasmota)' } })
  await say(`tele/${topic}/STATE`, { Time: '2026-11-24T12:00:00', UptimeSec: 12, POWER: 'OFF' })
  await say(`tele/${topic}/SENSOR`, {
    Time: '2026-11-24T12:00:00',
    ENERGY: { Total: 13.487, Power: 0, Voltage: 233 },
    ESP32: { Temperature: 41.7 },
    TempUnit: 'C'
  })
  // A client whose connection broke is at its end already, and would wait for it for ever
  return { end: () => client.endAsync(true) }
}

export const tasmota: SimulatedDevice = {
  convention: 'tasmota',
  filters: ['tasmota/discovery/#', 'tele/#', 'stat/#', 'cmnd/#'],
  device: topic,
  start,
  tells: [
    { metric: 'POWER', value: 'OFF' },
    { metric: 'ENERGY.Total', value: 13.487, unit: 'kWh' },
    { metric: 'ENERGY.Voltage', value: 233, unit: 'V' },
    { metric: 'ESP32.Temperature', value: 41.7, unit: '°C' },
    { metric: 'UptimeSec', value: 12, unit: 's' }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: { name: 'power', parameters: { state: 'on' }, shows: { metric: 'POWER', value: 'ON' } },
  refuses: null,
  ignores: { name: 'command', parameters: { command: 'Dimmer', value: 50, effectMetric: 'Dimmer' } }
}
