/** Prometheus' own tool reads the alerts, and plays what they must and must not say. Debian's package `prometheus` has it. */

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const directory = new URL('../../docs/prometheus/', import.meta.url)

for (const [what, file] of [
  ['check', 'alerts.yaml'],
  ['test', 'alerts.test.yaml']
] as const) {
  test(`promtool ${what} rules ${file}`, () => {
    const { status, error, stdout, stderr } = spawnSync('promtool', [what, 'rules', file], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 60_000
    })
    assert.equal(error, undefined, 'install promtool: the Debian package prometheus has it')
    assert.equal(status, 0, stdout + stderr)
  })
}
