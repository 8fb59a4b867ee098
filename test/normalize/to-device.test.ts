/** What others say to a device does not show that the device is there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaultLimits } from '../../src/limits.ts'
import type { DecoderResult } from '../../src/normalize/decoder.ts'
import { runDecoder } from '../../src/normalize/decoder.ts'
import { Findings } from '../../src/normalize/findings.ts'
import { runConvention } from '../../src/normalize/run-convention.ts'
import { message } from './mappings.ts'

const task = (toDevice: boolean) => (): DecoderResult => ({
  facts: { datapoints: [{ device: 'a', metric: 'task', value: 1, role: 'event' }] },
  toDevice
})

const runs = {
  convention: (toDevice: boolean, findings: Findings) =>
    runConvention({ topic: '{device}/tasks', about: '', decode: task(toDevice) }, {}, null, findings)!,
  decoder: (toDevice: boolean, findings: Findings) =>
    runDecoder({ decode: task(toDevice), hash: '' }, null, {}, null, findings)
}

for (const [what, run] of Object.entries(runs))
  test(`a message to a device is its datapoint, and not heard from it: ${what}`, () => {
    for (const toDevice of [false, true]) {
      const outcome = run(toDevice, new Findings(defaultLimits, message('a/tasks', '1'))).findings.finish(
        'one',
        60
      )
      assert.equal(outcome.datapoints.length, 1)
      assert.deepEqual(outcome.devices, toDevice ? [] : ['a'])
      assert.equal(outcome.presence.length, toDevice ? 0 : 1)
    }
  })
