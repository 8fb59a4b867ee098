/** AirVantage: tasks as a device gets them, and the acks that it gives. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { airvantage } from '../../src/conventions/airvantage/convention.ts'
import { CommandFault } from '../../src/normalize/convention.ts'
import type { RenderedCommand } from '../../src/normalize/convention.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { commandId, renderCommand } from './rendered.ts'
import { normalizer } from './say.ts'

const uid = commandId.replaceAll('-', '')
const render = (
  name: string,
  parameters: Record<string, unknown>,
  topic = 'G1/messages/json',
  options = {}
): RenderedCommand => renderCommand(airvantage, { name, parameters, topic, options })

const fault = (name: string, parameters: Record<string, unknown>, topic?: string): CommandFault => {
  try {
    render(name, parameters, topic)
  } catch (error) {
    assert.ok(error instanceof CommandFault, String(error))
    return error
  }
  return assert.fail('it was rendered')
}

test('each command is a list of one task with its uid', () => {
  const cases: Array<[string, Record<string, unknown>, string]> = [
    [
      'read',
      { paths: ['machine.temperature', 'machine.door'] },
      '"read":["machine.temperature","machine.door"]'
    ],
    ['write', { settings: { 'machine.threshold': 25 } }, '"write":[{"machine.threshold":25}]'],
    ['write', { settings: { a: 'x', b: true } }, '"write":[{"a":"x"},{"b":true}]'],
    [
      'command',
      { id: 'home.BedRoom1', params: { Light: true, AirConditioner: null } },
      '"command":{"id":"home.BedRoom1","params":{"Light":true,"AirConditioner":null}}'
    ],
    ['command', { id: 'reboot' }, '"command":{"id":"reboot","params":{}}'],
    [
      'swinstall',
      { type: 'com.sample.device', revision: '2.0', url: 'https://host/path' },
      '"swinstall":{"type":"com.sample.device","revision":"2.0","url":"https://host/path"}'
    ]
  ]
  for (const [name, parameters, task] of cases) {
    const { topic, payload, qos, correlation } = render(name, parameters)
    assert.equal(payload, `[{"uid":"${uid}","timestamp":${receivedAt},${task}}]`)
    assert.deepEqual([topic, qos, correlation], ['G1/tasks/json', 1, uid])
  }
})

test('the effect of one setting is its datapoint, and no other has one', () => {
  assert.deepEqual(render('write', { settings: { 'machine.threshold': 25 } }).effect, {
    metric: 'machine.threshold',
    value: 25
  })
  assert.equal(render('write', { settings: { a: 1, b: 2 } }).effect, null)
  assert.equal(render('read', { paths: ['a'] }).effect, null)
  assert.equal(render('command', { id: 'a' }).effect, null)
})

test('the device is asked where it spoke', () => {
  const options = { prefix: 'av/eu', availability: ['{device}/status'] }
  for (const topic of ['av/eu/G1/messages/tsz', 'av/eu/G1/acks/json', 'av/eu/G1/status', 'av/eu/G1/errors'])
    assert.equal(render('read', { paths: ['a'] }, topic, options).topic, 'av/eu/G1/tasks/json', topic)
  for (const topic of ['MonitoringData', 'OperationStateChange', 'errors']) {
    const { parameter, message } = fault('read', { paths: ['a'] }, topic)
    assert.equal(parameter, null)
    assert.match(message, /messages of their own/)
  }
})

test('what AirVantage has no task for is a fault', () => {
  assert.equal(fault('read', { paths: [] }).parameter, 'paths')
  assert.equal(fault('write', { settings: {} }).parameter, 'settings')
  for (const value of [null, {}, [1]])
    assert.equal(fault('write', { settings: { a: value } }).parameter, 'settings')
  for (const value of [{}, ['x']])
    assert.equal(fault('command', { id: 'a', params: { b: value } }).parameter, 'params')
  assert.equal(fault('command', { id: '' }).parameter, 'id')
  assert.equal(fault('swinstall', { type: 'a', revision: '1', url: 'here' }).parameter, 'url')
  assert.equal(fault('write', { settings: { a: NaN } }).parameter, 'settings')
})

test('integers and names are sent as they are', () => {
  assert.match(
    String(render('write', { settings: { a: 9_007_199_254_740_993n } }).payload),
    /"write":\[\{"a":9007199254740993\}\]/
  )
  const settings = JSON.parse('{"__proto__":5}') as Record<string, unknown>
  assert.match(String(render('write', { settings }).payload), /"write":\[\{"__proto__":5\}\]/)
})

test('an ack of the device answers the command', () => {
  const { correlation, payload } = render('write', { settings: { a: 1 } })
  const [task] = JSON.parse(String(payload)) as [{ uid: string }]
  const said = normalizer('conventions: [airvantage]')('G1/acks/json', [{ uid: task.uid, status: 'OK' }])
  assert.deepEqual(said.responses, [{ device: 'G1', correlation, ok: true }])
})
