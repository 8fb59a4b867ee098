/** Azure IoT Hub: a device whose connection is bridged as it is, and one that is bridged with a prefix. */

import type { Examples } from './example.ts'

const json = '$.ct=application%2Fjson&$.ce=utf-8'
const twin = '$iothub/twin'
const bridged = 'azure/pump/$iothub'

export const azureIotHub: Examples = {
  options: { device: 'MyDevice01', bridged: ['azure/{device}'] },
  messages: [
    {
      topic: `devices/MyDevice01/messages/events/${json}&prop=a%20b`,
      text: '{"temperature":21.5,"door":{"open":false}}'
    },
    {
      topic: `devices/MyDevice01/messages/events/${json}&iothub-creation-time-utc=2026-11-24T11%3A59%3A58Z&$.sub=thermostat1`,
      text: '{"temperature":22}'
    },
    { topic: 'devices/MyDevice01/messages/events', text: '21.5' },
    { topic: 'devices/MyDevice01/messages/events/$.ce=utf-16', hex: '7b002200740022003a0035007d00' },
    { topic: 'devices/MyDevice01/messages/events/$.ct=application%2Fjson', text: '{"temperature":' },
    {
      topic: 'devices/MyDevice01/messages/events/$.ce=gzip',
      quiet: true,
      hex: '1f8b0800000000000003ab562a51b23232d433ad0500d7ffddb90a000000'
    },
    { topic: 'devices/MyDevice01/modules/camera/messages/events', text: '{"faces":2}' },
    {
      topic: `devices/MyDevice01/modules/camera/messages/events/${json}&$.on=out`,
      quiet: true,
      text: '{"faces":3}'
    },
    { topic: 'devices/MyDevice01/messages/devicebound/%24.mid=5b2f&alarm', text: 'hello' },
    { topic: 'devices/MyDevice01/modules/camera/inputs/in/a=b', quiet: true, text: '{}' },
    { topic: `${twin}/GET/?$rid=1`, text: '' },
    {
      topic: `${twin}/res/200/?$rid=1`,
      text: '{"desired":{"interval":"5m","$version":12},"reported":{"battery":55,"wifi":{"channel":6},"$version":123}}'
    },
    {
      topic: `${twin}/PATCH/properties/desired/?$version=13`,
      text: '{"interval":"1m","route":null,"$version":13}'
    },
    {
      topic: `${twin}/PATCH/properties/reported/?$rid=2`,
      text: '{"interval":{"value":"1m","ac":200,"av":13,"ad":"done"},"wifi":null}'
    },
    { topic: `${twin}/res/204/?$rid=2&$version=124`, text: '' },
    { topic: `${twin}/res/429/?$rid=3`, text: '' },
    { topic: '$iothub/methods/POST/reboot/?$rid=7a51f0f6', text: '{"delay":5}' },
    { topic: '$iothub/methods/res/200/?$rid=7a51f0f6', text: '{"uptime":0}' },
    { topic: `${bridged}/twin/PATCH/properties/reported/?$rid=1`, text: '{"speed":1450}' },
    {
      topic: `${bridged}/twin/PATCH/properties/desired/?$version=2`,
      quiet: true,
      text: '{"speed":1500,"$version":2}'
    },
    { topic: `${bridged}/twin/GET/?$rid=1`, quiet: true, text: '' },
    {
      topic: `${bridged}/twin/res/200/?$rid=1`,
      quiet: true,
      text: '{"desired":{"speed":1500,"$version":2},"reported":{"speed":1500,"$version":4}}'
    },
    { topic: `${bridged}/methods/POST/stop/?$rid=2`, quiet: true, text: '' },
    { topic: `${bridged}/methods/res/404/?$rid=2`, text: '{"error":"no such method"}' },
    { topic: 'devices/MyDevice01/messages/events/iothub-MessageType=Will', text: '{"reason":"lost"}' }
  ]
}
