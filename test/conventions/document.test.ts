/** docs/conventions.md is what the code says, and the code says something of everything. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { conventions } from '../../src/conventions/conventions.ts'
import { parseTopicTemplate } from '../../src/normalize/topic-template.ts'
import type { TopicTemplate } from '../../src/normalize/topic-template.ts'
import { describeConventions, partsOf } from './describe.ts'
import { examples } from './everything.ts'

test('docs/conventions.md is current; `npm run docs` writes it', () => {
  assert.equal(
    readFileSync(new URL('../../docs/conventions.md', import.meta.url), 'utf8'),
    describeConventions()
  )
})

test('there are the fifteen conventions, and examples of each', () => {
  assert.equal(conventions.size, 15)
  assert.deepEqual([...examples.keys()].toSorted(), [...conventions.keys()].toSorted())
})

for (const convention of conventions.values())
  test(`${convention.name} tells all of itself, and each of its topics has an example`, () => {
    const { about, sources, presence, options } = convention
    assert.ok(about.length > 20 && presence.length > 5 && sources.length > 0)
    for (const url of sources) assert.match(url, /^https:\/\//)
    for (const [name, option] of Object.entries(options)) assert.ok(option.about.length > 5, name)
    const { routes, commands } = partsOf(convention)
    assert.ok(routes.length > 0)
    const topics = examples.get(convention.name)!.messages.map(({ topic }) => topic)
    const templates = routes.map(({ topic }) => parseTopicTemplate(topic, 128) as TopicTemplate)
    for (const [index, { topic, about: what }] of routes.entries()) {
      assert.ok(what.length > 5, topic)
      // The first that matches is asked, so an example is one of that route only
      const own = topics.filter(
        (one) => templates.findIndex(({ capture }) => capture(one) !== null) === index
      )
      assert.ok(own.length > 0, `no example of ${topic}`)
    }
    for (const { name, about: what, answer, topic, parameters } of commands) {
      assert.ok(what.length > 5 && answer.length > 5 && topic.length > 0, name)
      for (const [key, parameter] of Object.entries(parameters)) assert.ok(parameter.about.length > 2, key)
    }
  })
