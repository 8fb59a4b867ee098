/** docs/operations.md names what there is: tests, metrics, codes and lines of the log. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { problems } from '../../src/errors.ts'
import { anchorsOf, read, root, seriesIn, seriesOf } from './page.ts'

const page = read('docs/operations.md')
const series = seriesOf(read('docs/metrics.md'))
const chapters = page.split(/^## /m)
const faults = chapters
  .find((one) => one.startsWith('What happens if'))!
  .split(/^### /m)
  .slice(1)
const source = readdirSync(new URL('src', root), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => read(`src/${path}`))
  .join('\n')

for (const fault of faults) {
  const [title, ...lines] = fault.trim().split('\n')
  test(`${title}: what one sees, what Rialto does, what to do, and tests that show it`, () => {
    const parts = new Map(
      lines.flatMap((line) => [...line.matchAll(/^- \*\*(.+?)\*\*: (.+)$/g)].map((m) => [m[1]!, m[2]!]))
    )
    assert.deepEqual([...parts.keys()], ['You see', 'Rialto', 'Do', 'Shown by'])
    const shown = [...parts.get('Shown by')!.matchAll(/`(test\/[^`]+)`(?: "([^"]+)")?/g)]
    assert.ok(shown.length > 0, 'no test')
    for (const [, path, name] of shown) {
      assert.ok(existsSync(new URL(path!, root)), path)
      if (name !== undefined) assert.ok(read(path!).includes(name), `${path} has no "${name}"`)
    }
  })
}

test('metrics, codes and lines of the log are as they are called', () => {
  assert.ok(faults.length >= 15)
  for (const name of seriesIn(page)) assert.ok(series.has(name), `no metric ${name}`)
  for (const [, status, code] of page.matchAll(/\b([45]\d\d) `([a-z_]+)`/g)) {
    assert.equal(String(problems[code as keyof typeof problems]?.status), status, code)
  }
  const lines = [...page.matchAll(/`([A-Z][a-z]*(?: [^`]+)+)`/g)].map(([, line]) => line!)
  assert.ok(lines.length > 20)
  for (const line of lines.filter((one) => one !== 'No space left on device')) {
    assert.ok(source.includes(line), `no line of the log: ${line}`)
  }
})

test('every link leads somewhere', () => {
  for (const [, path, anchor] of page.matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)) {
    assert.ok(path === '' || existsSync(new URL(path!, new URL('docs/', root))), path)
    if (anchor === undefined) continue
    const target = path === '' ? page : read(`docs/${path}`)
    assert.ok(anchorsOf(target).includes(anchor), `${path}#${anchor}`)
  }
})
