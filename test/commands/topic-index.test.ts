import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTopicIndex } from '../../src/commands/topic-index.ts'
import { compileFilter } from '../../src/topic.ts'

const level = fc.constantFrom('', 'a', 'b', '$x')
const topics = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const filters = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, open]) => (open || levels.length === 0 ? [...levels, '#'] : levels).join('/'))
  .filter((filter) => filter !== '')

test('what is found for a topic is what the filters match, one by one, also after some went', () => {
  fc.assert(
    fc.property(
      fc.array(filters, { maxLength: 12 }),
      fc.array(filters, { maxLength: 6 }),
      topics,
      (some, gone, topic) => {
        const index = createTopicIndex<Set<string>>(() => new Set())
        for (const filter of some) index.at(filter).add(filter)
        for (const filter of gone) index.delete(filter)
        const found = index.matching(topic).flatMap((set) => [...set])
        const expected = [...new Set(some)].filter(
          (filter) => !gone.includes(filter) && compileFilter(filter)(topic)
        )
        assert.deepEqual(found.toSorted(), expected.toSorted())
      }
    ),
    { numRuns: 5_000 }
  )
})
