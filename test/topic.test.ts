import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileFilter, covers, filterFault, topicFault, withoutCovered } from '../src/topic.ts'

test('a filter matches as the standard says', () => {
  // filter, topics that match, topics that do not [MQTT-4.7]
  const table: Array<[string, string[], string[]]> = [
    [
      'sport/tennis/player1/#',
      ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/a/b'],
      ['sport/tennis/player10']
    ],
    ['sport/#', ['sport', 'sport/', 'sport//x'], ['sports', '$sport']],
    ['#', ['a', '/', 'a//b'], ['$SYS/x']],
    ['+/monitor/Clients', ['a/monitor/Clients'], ['$SYS/monitor/Clients']],
    ['$SYS/#', ['$SYS', '$SYS/a'], ['a']],
    ['sport/+', ['sport/', 'sport/a'], ['sport', 'sport/a/b']],
    ['+', ['a', ''], ['/a', 'a/']],
    ['+/+', ['/', '/finance', 'a/b'], ['a', 'a/b/c']],
    ['/+', ['/finance'], ['finance']],
    ['a/+/c', ['a//c', 'a/b/c'], ['a/b/d', 'a/c']],
    ['a//b', ['a//b'], ['a/b']],
    ['Accounts', ['Accounts'], ['ACCOUNTS']],
    ['é', ['é'], ['e\u0301']]
  ]
  for (const [filter, matching, others] of table) {
    const matches = compileFilter(filter)
    for (const topic of matching) assert.ok(matches(topic), `${filter} should match ${topic}`)
    for (const topic of others) assert.ok(!matches(topic), `${filter} should not match ${topic}`)
  }
})

/** The standard's text, word by word, and slow. */
function matchesSlowly(filter: string[], topic: string[], first = true): boolean {
  if (first && topic[0]!.startsWith('$') && (filter[0] === '#' || filter[0] === '+')) return false
  if (filter.length === 0) return topic.length === 0
  if (filter[0] === '#') return true
  if (topic.length === 0) return false
  return (
    (filter[0] === '+' || filter[0] === topic[0]) && matchesSlowly(filter.slice(1), topic.slice(1), false)
  )
}

test('compiled filters equal a naive reading of the standard', () => {
  const level = fc.constantFrom('', 'a', 'b', 'ab', '$x')
  const topic = fc.array(level, { minLength: 1, maxLength: 4 })
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
    .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels))
  fc.assert(
    fc.property(filter, topic, (levels, topicLevels) => {
      assert.equal(
        filterFault(levels.join('/'), 100) ?? 'legal',
        levels.join('/') === '' ? 'a filter has at least one character' : 'legal'
      )
      assert.equal(compileFilter(levels.join('/'))(topicLevels.join('/')), matchesSlowly(levels, topicLevels))
    }),
    { numRuns: 5_000 }
  )
})

test('faults of filters', () => {
  for (const legal of ['a', '+', '#', 'a/+/#', '/', 'a b', '+/+', 'é/#'])
    assert.equal(filterFault(legal, 10), null, legal)
  for (const [illegal, fault] of [
    ['', /at least one/],
    ['a#', /whole level/],
    ['a/#/b', /only at the end/],
    ['a+/b', /whole level/],
    ['+a', /whole level/],
    ['a\0', /NUL/],
    ['\ud800', /surrogate/],
    ['a/b/c', /at most 2 levels/],
    ['x'.repeat(65_536), /65,535/]
  ] as const) {
    assert.match(filterFault(illegal, illegal === 'a/b/c' ? 2 : 10) ?? 'none', fault, illegal.slice(0, 20))
  }
})

test('faults of topics to publish to', () => {
  for (const legal of ['a', '/', 'a//b', ' ', 'é', '😀', 'a/$b', 'x'.repeat(65_535)])
    assert.equal(topicFault(legal, 10), null)
  for (const [illegal, fault] of [
    ['', /at least one/],
    ['a/+', /wildcards/],
    ['#', /wildcards/],
    ['a\0b', /control/],
    ['a\u007f', /control/],
    ['\udc00', /surrogate/],
    ['a\uffff', /noncharacters/],
    ['$SYS/x', /broker/],
    ['$share/g/x', /broker/],
    ['$aws', /broker/],
    ['$awsx/y', /broker/],
    ['é'.repeat(32_768), /65,535/],
    ['1/2/3', /at most 2 levels/]
  ] as const) {
    assert.match(topicFault(illegal, illegal === '1/2/3' ? 2 : 10) ?? 'none', fault, illegal.slice(0, 20))
  }
  for (const legal of ['$aws/things/t/shadow/get', '$iothub/methods/POST/reboot/?$rid=1'])
    assert.equal(topicFault(legal, 10), null)
})

test('a filter that covers another matches all that it does', () => {
  const level = fc.constantFrom('a', 'b', '', '$x', '+')
  const levels = fc.array(level, { minLength: 1, maxLength: 4 })
  const filter = fc
    .tuple(levels, fc.boolean())
    .map(([some, open]) => [...some, ...(open ? ['#'] : [])].join('/'))
    .filter((text) => text !== '')
  const topic = fc.array(fc.constantFrom('a', 'b', '', '$x'), { minLength: 1, maxLength: 5 })
  let covered = 0
  fc.assert(
    fc.property(filter, filter, topic, (outer, inner, name) => {
      if (!covers(outer, inner) || !compileFilter(inner)(name.join('/'))) return
      covered++
      assert.ok(compileFilter(outer)(name.join('/')), `${outer} ${inner} ${name.join('/')}`)
    }),
    { numRuns: 50_000 }
  )
  assert.ok(covered > 50, `${covered} of them said something`)
})

test('of overlapping filters those stay that no other covers', () => {
  for (const [filters, left] of [
    [['a/b', '#', 'a/+'], ['#']],
    [
      ['a/b', 'a/+', 'b/#', 'b'],
      ['a/+', 'b/#']
    ],
    [
      ['#', '$SYS/#'],
      ['#', '$SYS/#']
    ],
    [['a', 'a'], ['a']],
    [
      ['+/b', 'a/+'],
      ['+/b', 'a/+']
    ]
  ] as const)
    assert.deepEqual(withoutCovered(filters), left)
})
