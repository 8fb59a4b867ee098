import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TopicTemplate } from '../../src/normalize/topic-template.ts'
import {
  isTemplateFault,
  parseTextTemplate,
  parseTopicTemplate,
  renderTemplate
} from '../../src/normalize/topic-template.ts'
import { compileFilter } from '../../src/topic.ts'

function parse(text: string): TopicTemplate {
  const parsed = parseTopicTemplate(text, 128)
  assert.ok(!isTemplateFault(parsed), JSON.stringify(parsed))
  return parsed
}

test('captures are levels under their names', () => {
  const table: Array<[template: string, topic: string, captures: Record<string, string> | null]> = [
    ['site/{site}/{device}', 'site/a/b', { site: 'a', device: 'b' }],
    ['site/{site}/{device}', 'site/a/b/c', null],
    ['site/{site}/{device}', 'site/a', null],
    ['site/{site}/{device}', 'site//', { site: '', device: '' }],
    ['{a}', '$SYS', null], // [MQTT-4.7.2-1]
    ['+/{a}', '$SYS/x', null],
    ['{a+}', '$SYS/x', null],
    ['#', '$SYS/x', null],
    ['$SYS/{a+}', '$SYS/x/y', { a: 'x/y' }],
    ['x/{a+}', 'x', null],
    ['x/{a+}', 'x/', { a: '' }],
    ['x/{a+}', 'x/1/2/3', { a: '1/2/3' }],
    ['x/{a+}/y', 'x/y', null],
    ['x/{a+}/y', 'x/y/y', { a: 'y' }],
    ['x/{a+}/y/{b}', 'x/1/y/y/2', { a: '1/y', b: '2' }],
    ['x/{a}/#', 'x/1', { a: '1' }],
    ['x/{a}/#', 'x/1/2/3', { a: '1' }],
    ['x/{a}/#', 'x', null],
    ['#', 'a/b', {}],
    ['x/+/{a}', 'x/1/2', { a: '2' }],
    ['x/{constructor}', 'x/1', { constructor: '1' }]
  ]
  for (const [template, topic, captures] of table)
    assert.deepEqual(parse(template).capture(topic), captures, `${template} ${topic}`)
})

const literal = fc.constantFrom('', 'a', 'b', '$x', 'é')
const topics = fc.array(literal, { minLength: 1, maxLength: 6 }).map((levels) => levels.join('/'))

test('a template matches what its filter matches; with {name+} before the end, less', () => {
  const level = fc.oneof(literal, fc.constantFrom('+', '{}', '{+}'))
  const templates = fc
    .tuple(fc.array(level, { maxLength: 4 }), fc.boolean())
    .map(([levels, rest]) => {
      let several = false
      const named = levels.map((one, index) => {
        if (one === '{}' || (one === '{+}' && several)) return `{n${index}}`
        if (one !== '{+}') return one
        several = true
        return `{n${index}+}`
      })
      return [...named, ...(rest && !several ? ['#'] : [])].join('/')
    })
    .filter((text) => text !== '')
  let matched = 0
  fc.assert(
    fc.property(templates, topics, (text, topic) => {
      const { filter, capture, names } = parse(text)
      const captures = capture(topic)
      const byFilter = compileFilter(filter)(topic)
      const exact = !/\+\}./.test(text)
      if (exact) assert.equal(captures !== null, byFilter, `${text} ${topic}`)
      else assert.ok(captures === null || byFilter, `${text} ${topic}`)
      if (captures === null) return
      matched++
      assert.deepEqual(Object.keys(captures).toSorted(), [...names].toSorted())
      // What was captured stands where the name stands
      if (!text.includes('#') && !text.split('/').includes('+')) {
        const rendered = text.replace(/\{(\w+)\+?\}/g, (_, name: string) => captures[name]!)
        assert.equal(rendered, topic)
      }
    }),
    { numRuns: 20_000 }
  )
  assert.ok(matched > 1_000, `${matched} matched`)
})

test('several levels match as many as there are, and no fewer than one', () => {
  const around = fc.array(fc.constantFrom('a', 'b'), { maxLength: 2 })
  const inside = fc.array(literal, { maxLength: 4 })
  fc.assert(
    fc.property(around, inside, around, (before, levels, after) => {
      const template = parse([...before, '{x+}', ...after].join('/'))
      const topic = [...before, ...levels, ...after].join('/')
      const expected =
        levels.length === 0 || (before.length === 0 && topic.startsWith('$')) ? null : { x: levels.join('/') }
      if (topic !== '') assert.deepEqual(template.capture(topic), expected, `${template.text} ${topic}`)
    }),
    { numRuns: 5_000 }
  )
})

test('text with names renders what was captured', () => {
  const template = parseTextTemplate('x/{a}/{b}/{a}')
  assert.ok('render' in template)
  assert.deepEqual(template.names, ['a', 'b', 'a'])
  assert.equal(template.render({ a: '{b}', b: '$&' }), 'x/{b}/$&/{b}')
  assert.equal(renderTemplate('x/{a+}/+/{b}/#', { a: '1/2', b: '{a}' }), 'x/1/2/+/{a}/#')
  for (const wrong of ['{', '}', '{a', 'a}', '{}', '{a b}', '{{a}}', '{a+}'])
    assert.ok('fix' in parseTextTemplate(wrong), wrong)
  for (const right of ['', 'a', '{a}{b}', '{a1_b}']) assert.ok('render' in parseTextTemplate(right), right)
})
