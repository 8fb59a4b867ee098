/** Alerts ask for metrics that there are, and name the part of docs/operations.md to read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { anchorsOf, read, seriesIn, seriesOf } from './page.ts'

interface Rule {
  alert: string
  expr: string
  labels: { severity: string }
  annotations: { summary: string; runbook: string }
}

const { groups } = parse(read('docs/prometheus/alerts.yaml')) as { groups: Array<{ rules: Rule[] }> }
const rules = groups.flatMap((group) => group.rules)
const series = seriesOf(read('docs/metrics.md'))
const anchors = anchorsOf(read('docs/operations.md')).map((anchor) => `docs/operations.md#${anchor}`)

for (const { alert, expr, labels, annotations } of rules) {
  test(`${alert}: metrics that there are, and where to read on`, () => {
    const names = seriesIn(expr)
    assert.ok(names.length > 0, expr)
    for (const name of names) assert.ok(series.has(name), `no metric ${name}`)
    assert.match(labels.severity, /^(page|ticket)$/)
    assert.ok(annotations.summary)
    assert.ok(anchors.includes(annotations.runbook), `${annotations.runbook} is no heading`)
  })
}

test('each alert has a name of its own', () => {
  assert.equal(new Set(rules.map((rule) => rule.alert)).size, rules.length)
})
