/** What each convention's command claims: what a response proves, which cannot be told apart, and what must not be repeated. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conventions } from '../../src/conventions/conventions.ts'
import { commandId, renderCommand } from './rendered.ts'
import type { Rendering } from './rendered.ts'

type Claim = [convention: string, rendering: Rendering, claims: Record<string, unknown>]

const tasmota = (name: string, parameters: object): Rendering => ({
  name,
  topic: 'tele/plug/STATE',
  parameters: { ...parameters }
})
const lamp = (payload: object): Rendering => ({
  name: 'set',
  topic: 'zigbee2mqtt/lamp',
  device: 'lamp',
  parameters: { payload }
})
const shelly = (name: string, parameters: object): Rendering => ({
  name,
  topic: 'shellyplus1pm-4417939a5610/online',
  parameters: { ...parameters }
})
const airvantage = (name: string, parameters: object): Rendering => ({
  name,
  topic: 'd1/messages/json',
  parameters: { ...parameters }
})

const once = { once: true }
const again = { once: false }

const claims: Claim[] = [
  // Done twice, these are something else than once
  ['tasmota', tasmota('power', { state: 'toggle' }), once],
  ['tasmota', tasmota('power', { state: 'on' }), again],
  ['tasmota', tasmota('command', { command: 'Power2', value: 2 }), once],
  ['tasmota', tasmota('command', { command: 'Dimmer', value: '+' }), once],
  ['tasmota', tasmota('command', { command: 'Dimmer', value: 2 }), again],
  ['zigbee2mqtt', lamp({ state: 'toggle' }), once],
  ['zigbee2mqtt', lamp({ brightness_step: 40 }), once],
  ['zigbee2mqtt', lamp({ brightness_step_onoff: 40 }), once],
  ['zigbee2mqtt', lamp({ state: 'ON', brightness: 40 }), again],
  ['shelly', shelly('toggle', {}), once],
  ['shelly', shelly('rpc', { method: 'Light.Toggle' }), once],
  ['shelly', shelly('rpc', { method: 'Light.Set' }), again],
  ['shelly', shelly('switch', { on: true }), { once: undefined, correlation: /^\d+$/ }],
  [
    'airvantage',
    airvantage('swinstall', { type: 't', revision: '1', url: 'https://h/p' }),
    { ...once, timeoutSeconds: 86_400 }
  ],
  ['airvantage', airvantage('read', { paths: ['a'] }), { once: undefined, responds: undefined }],
  // Responses of phones name no command
  [
    'owntracks',
    { name: 'dump', topic: 'owntracks/mia/pixel', parameters: {} },
    { shared: true, correlation: 'dump' }
  ],
  // The shadow service's word is not the thing's
  [
    'aws-shadow',
    {
      name: 'desire',
      topic: '$aws/things/t/shadow/update/accepted',
      device: 't',
      parameters: { state: { on: true } }
    },
    { responds: 'received', correlation: `rialto-${commandId}` }
  ],
  [
    'aws-shadow',
    { name: 'get', topic: '$aws/things/t/shadow/update/accepted', device: 't', parameters: {} },
    { responds: undefined }
  ]
]

for (const [name, rendering, expected] of claims)
  test(`${name} ${rendering.name} ${JSON.stringify(rendering.parameters)}: ${Object.keys(expected).join(', ')}`, () => {
    const rendered = renderCommand(conventions.get(name)!, rendering) as unknown as Record<string, unknown>
    for (const [claim, value] of Object.entries(expected))
      if (value instanceof RegExp) assert.match(String(rendered[claim]), value)
      else assert.equal(rendered[claim], value, claim)
  })
