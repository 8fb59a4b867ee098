/** What holds for every convention: how it is named, who is asked first, what it remembers, what is checked. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultLimits } from '../../src/limits.ts'
import { checkParameters } from '../../src/normalize/command-parameters.ts'
import { compileMappings, encodeState } from '../../src/normalize/compile-mappings.ts'
import type { Convention, ConventionRoute } from '../../src/normalize/convention.ts'
import { CommandFault, OptionFault } from '../../src/normalize/convention.ts'
import type { DecoderResult } from '../../src/normalize/decoder.ts'
import type { MappingSet } from '../../src/normalize/mapping-set.ts'
import { MappingsError } from '../../src/normalize/mapping-set.ts'
import { stateBytes } from '../../src/normalize/state-bytes.ts'
import { createRunner, message, reasons, values } from '../normalize/mappings.ts'

const plain = { about: '', sources: [], options: {}, presence: '' }

const one = (device: string, metric: string, value: number | string): DecoderResult => ({
  facts: { datapoints: [{ device, metric, value }] }
})

/** Counts the messages of a room, over its two routes. */
const count = (state: unknown, room: string): DecoderResult => {
  const n = ((state as { n: number } | null)?.n ?? 0) + 1
  return { ...one(room, 'n', n), state: { n } }
}

const counting: Convention = {
  ...plain,
  name: 'counting',
  title: 'Counting',
  options: {
    base: { kind: 'topic', default: 'rooms', about: '' },
    words: { kind: 'texts', default: ['a'], about: '' },
    topics: { kind: 'templates', default: [], about: '' },
    loud: { kind: 'flag', default: false, about: '' },
    offlineAfter: { kind: 'duration', default: null, about: '' },
    key: { kind: 'file', default: null, about: '' }
  },
  create(options) {
    const base = options.text('base')!
    if (options.flag('loud') && options.texts('words').includes('quiet'))
      throw new OptionFault('words', 'quiet is not loud', 'Remove it')
    const route = (topic: string): ConventionRoute => ({
      topic,
      about: '',
      stateKey: ({ room }) => room!,
      decode: (state, { captures }) => count(state, captures['room']!)
    })
    return {
      routes: [route(`${base}/{room}/one`), route(`${base}/{room}/two`)],
      commands: [
        {
          name: 'set',
          about: '',
          topic: `${base}/{room}/set`,
          parameters: { level: { type: 'integer', required: true, about: 'how loud' } },
          answer: '',
          render: ({ captures, state, id }, { level }) => ({
            topic: `${base}/${captures['room']}/set`,
            payload: `${String(level)} ${(state as { n: number } | null)?.n} ${id}`,
            qos: 1,
            correlation: null,
            effect: null
          })
        }
      ]
    }
  }
}

/** Knows its messages by what they say. */
const byContent: Convention = {
  ...plain,
  name: 'by-content',
  title: 'By content',
  create: () => ({
    routes: [
      {
        topic: '#',
        about: '',
        passes: true,
        decode: (state, { payload }) =>
          state !== null
            ? one('content', 'remembers', 1)
            : payload[0] === 0x21
              ? one('content', 'said', Buffer.from(payload).toString())
              : null
      }
    ],
    commands: []
  })
}

/** Learns which topics are its own. */
const learning: Convention = {
  ...plain,
  name: 'learning',
  title: 'Learning',
  asked: 'announced',
  create: () => ({
    routes: [
      {
        topic: 'learn',
        about: '',
        stateKey: () => 'all',
        decode: (_, { payload }) => ({ facts: {}, state: { topic: Buffer.from(payload).toString() } })
      },
      {
        topic: '#',
        about: '',
        passes: true,
        stateKey: () => 'all',
        decode: (state, { topic }) =>
          (state as { topic: string } | null)?.topic === topic ? one('learned', 'said', 1) : null
      }
    ],
    commands: []
  })
}

/** Takes whatever comes. */
const taking: Convention = {
  ...plain,
  name: 'taking',
  title: 'Taking',
  asked: 'general',
  create: () => ({
    routes: [
      { topic: '{device+}', about: '', decode: (_, { captures }) => one(captures['device']!, 'taken', 1) }
    ],
    commands: []
  })
}

const broken: Convention = {
  ...plain,
  name: 'broken',
  title: 'Broken',
  create: () => ({
    routes: [
      {
        topic: 'broken/throws',
        about: '',
        decode: () => {
          throw new Error('no')
        }
      },
      {
        topic: 'broken/large',
        about: '',
        stateKey: () => '',
        decode: () => ({ ...one('broken', 'b', 1), state: { x: 'x'.repeat(1_500) } })
      }
    ],
    commands: []
  })
}

const conventions = new Map(
  [counting, byContent, learning, taking, broken].map((convention) => [convention.name, convention])
)

const compile = (
  document: unknown,
  limits = {},
  files: Array<[string, Uint8Array | Error]> = []
): MappingSet =>
  compileMappings(
    { text: typeof document === 'string' ? document : JSON.stringify(document), file: 'rialto.yaml' },
    { limits: { ...defaultLimits, ...limits }, modules: new Map(), conventions, files: new Map(files) }
  )

test('routes of one convention share what they remember; another use of it remembers for itself', () => {
  const run = createRunner(
    compile({ conventions: ['counting', { counting: { name: 'other', base: 'halls' } }] })
  )
  assert.deepEqual(values(run(message('rooms/a/one', ''))), { 'a n': 1 })
  assert.deepEqual(values(run(message('rooms/a/two', ''))), { 'a n': 2 })
  assert.deepEqual(values(run(message('rooms/b/one', ''))), { 'b n': 1 })
  const other = run(message('halls/a/one', ''))
  assert.deepEqual(values(other), { 'a n': 1 })
  assert.equal(other.mapping, 'other')
})

test('mappings are asked first, then conventions in order, then automatic', () => {
  const run = createRunner(
    compile({
      automatic: true,
      mappings: [{ name: 'mine', topic: 'rooms/special/one', device: 'mine' }],
      conventions: ['learning', 'by-content', 'counting']
    })
  )
  assert.equal(run(message('rooms/special/one', '5')).mapping, 'mine')
  // It stands first in the document, and is asked last
  run(message('learn', 'rooms/a/one'))
  assert.equal(run(message('rooms/a/one', '5')).mapping, 'counting')
  assert.deepEqual(values(run(message('rooms/a/one', '!x'))), { 'content said': '!x' })
  run(message('learn', 'x/y'))
  // Asked first, it is given nothing of what the other one remembers
  assert.equal(run(message('x/y', '5')).mapping, 'learning')
  assert.deepEqual(values(run(message('x/y', '!x'))), { 'content said': '!x' })
  assert.equal(run(message('x/z', '5')).mapping, 'automatic')
})

test('who takes whatever comes is asked after who was told what is his own', () => {
  const run = createRunner(compile({ automatic: true, conventions: ['taking', 'learning', 'counting'] }))
  run(message('learn', 'x/y'))
  assert.equal(run(message('rooms/a/one', '5')).mapping, 'counting')
  assert.equal(run(message('x/y', '5')).mapping, 'learning')
  assert.equal(run(message('x/z', '5')).mapping, 'taking')
})

test("Rialto's own topics are of no convention", () => {
  const set = compile({ conventions: ['by-content'] })
  assert.equal(set.match('rialto/x/status'), null)
  assert.notEqual(set.match('rialto/x/y'), null)
})

test('nobody knows the message: then it says nothing', () => {
  const run = createRunner(compile({ conventions: ['by-content'] }))
  const { datapoints, rejections, devices } = run(message('x', '5'))
  assert.deepEqual([datapoints, rejections, devices], [[], [], []])
  assert.equal(compile({ conventions: ['counting'] }).match('elsewhere'), null)
})

test('who asks for a topic is told who remembers', () => {
  const set = compile({ automatic: true, conventions: ['by-content', 'learning'] })
  assert.equal(set.match('x/y')!.mapping.name, 'automatic')
  assert.match(set.match('x/y')!.stateKey!, /^learning\/[0-9a-f]{16}\/all$/)
})

test('what fails is a rejection, and what is remembered stays', () => {
  const run = createRunner(compile({ conventions: ['broken'] }, { conventionStateBytesMax: 1_000 }))
  assert.deepEqual(reasons(run(message('broken/throws', ''))), ['decoder_failed'])
  const large = run(message('broken/large', ''))
  assert.deepEqual([reasons(large), values(large)], [['state_too_large'], { 'broken b': 1 }])
})

test('a state is never larger than it was measured', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6 }),
      fc.bigInt({ min: -(2n ** 100n), max: 2n ** 100n }),
      (json, big) => {
        const state = { json, big }
        assert.ok(stateBytes(state) >= encodeState(state).length)
      }
    )
  )
})

test('a silent device of a convention is offline, where that is asked', () => {
  const set = compile({ conventions: [{ counting: { offlineAfter: '5m' } }] })
  const { outcome } = set.normalize(message('rooms/a/one', ''), null)
  assert.equal(outcome.offlineAfterSeconds, 300)
  assert.deepEqual(
    outcome.presence.map(({ device, presence, source }) => [device, presence, source]),
    [['a', 'online', 'seen']]
  )
})

test('what an option means is part of what is remembered', () => {
  const key = (options: object): string | null =>
    compile({ conventions: [{ counting: options }] }).match('rooms/a/one')!.stateKey
  assert.equal(key({ base: 'rooms' }), key({}))
  assert.notEqual(key({ words: ['b'] }), key({}))
  const hash = (content: string): string =>
    compile({ conventions: [{ counting: { key: './k' } }] }, {}, [['./k', Buffer.from(content)]]).hash
  assert.notEqual(hash('one'), hash('two'))
})

const faults: Array<[string, unknown, pointer: string, message: RegExp, fix: RegExp]> = [
  [
    'no such convention',
    { conventions: ['countnig'] },
    '/conventions/0',
    /no convention "countnig"/,
    /counting/
  ],
  [
    'no such convention with options',
    { conventions: [{ countin: {} }] },
    '/conventions/0',
    /no convention/,
    /counting/
  ],
  ['no list', { conventions: 'counting' }, '/conventions', /no list/, /tasmota/],
  [
    'two in one item',
    { conventions: [{ counting: {}, broken: {} }] },
    '/conventions/0',
    /not one name/,
    /zigbee2mqtt/
  ],
  [
    'no such option',
    { conventions: [{ counting: { bas: 'x' } }] },
    '/conventions/0/counting/bas',
    /no key "bas"/,
    /base/
  ],
  [
    'options that are none',
    { conventions: [{ counting: 5 }] },
    '/conventions/0/counting',
    /no mapping/,
    /name/
  ],
  [
    'a name twice',
    { conventions: ['counting', 'counting'] },
    '/conventions/1',
    /named counting/,
    /counting-2/
  ],
  [
    'a name that is none',
    { conventions: [{ counting: { name: 'a b' } }] },
    '/conventions/0/counting/name',
    /no name/,
    /letters/
  ],
  [
    'a wildcard',
    { conventions: [{ counting: { base: 'a/+' } }] },
    '/conventions/0/counting/base',
    /wildcards/,
    /slashes/
  ],
  [
    'a template that is none',
    { conventions: [{ counting: { topics: ['a/{'] } }] },
    '/conventions/0/counting/topics',
    /mixes a name/,
    /whole level/
  ],
  [
    'a flag that is none',
    { conventions: [{ counting: { loud: 'yes' } }] },
    '/conventions/0/counting/loud',
    /neither true nor false/,
    /true or false/
  ],
  [
    'a duration that is none',
    { conventions: [{ counting: { offlineAfter: 'soon' } }] },
    '/conventions/0/counting/offlineAfter',
    /no duration/,
    /5m/
  ],
  [
    'a file that is not there',
    { conventions: [{ counting: { key: './no' } }] },
    '/conventions/0/counting/key',
    /cannot be read/,
    /beside rialto.yaml/
  ],
  [
    'what the convention refuses',
    { conventions: [{ counting: { loud: true, words: ['quiet'] } }] },
    '/conventions/0/counting/words',
    /quiet is not loud/,
    /Remove/
  ],
  [
    'too many items',
    { conventions: [{ counting: { words: Array.from({ length: 101 }, String) } }] },
    '/conventions/0/counting/words',
    /More than 100/,
    /fewer/
  ],
  [
    'too many',
    { conventions: Array.from({ length: 51 }, (_, n) => ({ counting: { name: `c${n}` } })) },
    '/conventions/50',
    /More than 50/,
    /fewer/
  ],
  [
    'braces in a topic',
    { conventions: [{ counting: { base: 'a/{b}' } }] },
    '/conventions/0/counting/base',
    /braces/,
    /slashes/
  ],
  [
    'a topic that would be none',
    { conventions: [{ counting: { base: 'a/'.repeat(126) + 'a' } }] },
    '/conventions/0',
    /a topic would be/,
    /4\.7/
  ],
  [
    'two that are last',
    { conventions: ['learning', { learning: { name: 'l2' } }] },
    '/conventions/1',
    /once/,
    /options/
  ]
]

for (const [what, document, pointer, message, fix] of faults)
  test(`a fault of conventions: ${what}`, () => {
    assert.throws(
      () => compile(document),
      (error: unknown) => {
        assert.ok(error instanceof MappingsError, String(error))
        const fault = error.faults.find((one) => one.pointer === pointer)
        assert.ok(fault, JSON.stringify(error.faults))
        assert.match(fault.message, message)
        assert.match(fault.fix, fix)
        return true
      }
    )
  })

test('commands are found by the mapping of the device and the topic of its last message', () => {
  const set = compile({
    automatic: true,
    mappings: [{ name: 'own', topic: 'own/{device}', commands: [{ name: 'go', topic: 'own/{device}/go' }] }],
    conventions: ['by-content', 'counting']
  })
  const found = set.commandsOf('counting', 'rooms/a/one')!
  assert.deepEqual([found.captures, found.commands.map(({ name }) => name)], [{ room: 'a' }, ['set']])
  assert.equal(found.stateKey, set.match('rooms/a/one')!.stateKey)
  assert.deepEqual(
    set.commandsOf('own', 'own/d')!.commands.map(({ name }) => name),
    ['go']
  )
  assert.deepEqual(set.commandsOf('automatic', 'rooms/a/x')!.commands, [])
  assert.equal(set.commandsOf('counting', 'elsewhere'), null)
  assert.equal(set.commandsOf('gone', 'rooms/a/one'), null)
})

const command = {
  name: 'set',
  parameters: {
    text: { type: 'text', required: true, about: 'what to say' },
    texts: { type: 'texts', required: false, about: '' },
    number: { type: 'number', required: false, about: '' },
    integer: { type: 'integer', required: false, about: '' },
    boolean: { type: 'boolean', required: false, about: '' },
    object: { type: 'object', required: false, about: '' },
    any: { type: 'any', required: false, about: '' }
  }
} as const

test('parameters are what they must be, and nothing is converted', () => {
  const good = { text: '', texts: ['a'], number: 1.5, integer: 2n, boolean: false, object: {}, any: null }
  assert.deepEqual({ ...checkParameters(command, good) }, good)
  const wrong: Array<[object, string]> = [
    [{}, 'text'],
    [{ text: 1 }, 'text'],
    [{ text: '\ud800' }, 'text'],
    [{ text: 'a', texts: 'a' }, 'texts'],
    [{ text: 'a', texts: [1] }, 'texts'],
    [{ text: 'a', number: '1' }, 'number'],
    [{ text: 'a', integer: 1.5 }, 'integer'],
    [{ text: 'a', boolean: 'true' }, 'boolean'],
    [{ text: 'a', object: [] }, 'object'],
    [{ text: 'a', other: 1 }, 'other'],
    [JSON.parse('{"text":"a","__proto__":1}') as object, '__proto__']
  ]
  for (const [given, parameter] of wrong)
    assert.throws(
      () => checkParameters(command, given as Record<string, unknown>),
      (error: unknown) => error instanceof CommandFault && error.parameter === parameter,
      JSON.stringify(given)
    )
})
