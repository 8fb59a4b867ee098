/** docs/grafana/rialto.json can be imported anywhere, and asks for metrics that there are. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read, seriesIn, seriesOf } from './page.ts'

interface Source {
  type: string
  uid: string
}

interface Panel {
  id: number
  type: string
  title: string
  datasource?: Source
  gridPos: { h: number; w: number; x: number; y: number }
  fieldConfig?: { defaults: { unit: string } }
  targets?: Array<{ refId: string; expr: string; datasource: Source }>
}

interface Dashboard {
  title: string
  uid: string
  panels: Panel[]
  templating: {
    list: Array<{ name: string; type: string; datasource?: Source; query: string | { query: string } }>
  }
}

const dashboard = JSON.parse(read('docs/grafana/rialto.json')) as Dashboard
const series = seriesOf(read('docs/metrics.md'))
const source: Source = { type: 'prometheus', uid: '${datasource}' }
const builtIn = new Set(['__rate_interval'])
const variables = new Set(dashboard.templating.list.map(({ name }) => name))

function check(query: string): void {
  const names = seriesIn(query)
  assert.ok(names.length > 0, query)
  for (const name of names) assert.ok(series.has(name), `no metric ${name}`)
  for (const [, name] of query.matchAll(/\$\{?(\w+)/g))
    assert.ok(variables.has(name!) || builtIn.has(name!), `no variable ${name}`)
}

for (const { title, type, datasource, fieldConfig, targets } of dashboard.panels) {
  if (type === 'row') continue
  test(`${title}: a unit, the data source that is chosen, and metrics that there are`, () => {
    assert.ok(fieldConfig?.defaults.unit)
    assert.deepEqual(datasource, source)
    assert.ok(targets!.length > 0)
    assert.equal(new Set(targets!.map(({ refId }) => refId)).size, targets!.length)
    for (const target of targets!) {
      assert.deepEqual(target.datasource, source)
      check(target.expr)
    }
  })
}

test('panels have ids and titles of their own, and a place in the width of 24 that no other takes', () => {
  const { panels } = dashboard
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of panels) {
    assert.ok(title)
    assert.ok(gridPos.x + gridPos.w <= 24, title)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x},${y}`), `${title} covers another`)
        taken.add(`${x},${y}`)
      }
  }
})

test('the data source is a variable, and those of jobs and instances ask it', () => {
  const [first, ...others] = dashboard.templating.list
  assert.deepEqual([first!.name, first!.type], ['datasource', 'datasource'])
  assert.ok(others.length > 0)
  for (const { datasource, query } of others) {
    assert.deepEqual(datasource, source)
    assert.ok(typeof query === 'object')
    check(query.query)
  }
})
