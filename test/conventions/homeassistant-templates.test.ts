/** The part of Home Assistant's templates that is understood, and that all others are not. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseTemplate, render } from '../../src/conventions/homeassistant/template.ts'

function rendered(text: string, payload: string): unknown {
  const template = parseTemplate(text)
  assert.notEqual(template, null, text)
  const json = (): unknown => {
    try {
      return JSON.parse(payload)
    } catch {
      return undefined
    }
  }
  const result = render(template!, payload, json)
  return 'fault' in result ? 'fault' : result.value
}

const payload = JSON.stringify({
  t: 21.456,
  text: ' Warm ',
  digits: '42.7',
  nothing: null,
  yes: true,
  'odd name': 1,
  deep: { list: [10, { x: 'in' }] },
  half: 2.5
})

const understood: Array<[template: string, value: unknown]> = [
  ['{{ value }}', payload],
  ['{{value}}', payload],
  ['  {{ value_json.t }}\n', 21.456],
  ['{{- value_json.t -}}', 21.456],
  ["{{ value_json['t'] }}", 21.456],
  ['{{ value_json["odd name"] }}', 1],
  ['{{ value_json.deep.list[0] }}', 10],
  ['{{ value_json.deep["list"][1].x }}', 'in'],
  ['{{ value_json.deep.list[-2] }}', 10],
  ['{{ value_json.deep.list[7] }}', undefined],
  ['{{ value_json.deep.list.x }}', undefined],
  ['{{ value_json.never }}', undefined],
  ['{{ value_json.never.more }}', undefined],
  ['{{ value_json.t.x }}', undefined],
  ['{{ value_json.constructor }}', undefined],
  ['{{ value_json.__proto__ }}', undefined],
  ['{{ value_json.nothing }}', null],
  ['{{ value_json.t | is_defined }}', 21.456],
  ['{{ value_json.t|round(1) }}', 21.5],
  ['{{ value_json.t | round }}', 21],
  ['{{ value_json.half | round }}', 2],
  ['{{ value_json.never | round(1) }}', undefined],
  ['{{ value_json.digits | float }}', 42.7],
  ['{{ value_json.digits | float(0) | round(0) }}', 43],
  ['{{ value_json.digits | int }}', 42],
  ['{{ value_json.yes | int }}', 1],
  ['{{ value_json.text | float(-1.5) }}', -1.5],
  ['{{ value_json.text | float }}', 'fault'],
  ['{{ value_json.text | round(1) }}', 'fault'],
  ['{{ value_json.never | float(0) }}', 0],
  ['{{ value_json.never | float }}', undefined],
  ['{{ value_json.never | default("x") }}', 'x'],
  ["{{ value_json.never | d('') }}", ''],
  ['{{ value_json.never | default(none) }}', null],
  ['{{ value_json.nothing | default(5) }}', null],
  ['{{ value_json.text | trim | upper }}', 'WARM'],
  ['{{ value_json.text | lower }}', ' warm '],
  ['{{ value_json.t | string }}', '21.456'],
  ['{{ value_json.yes | string }}', 'True'],
  ['{{ value_json.deep | string }}', 'fault']
]

test('templates that are understood', () => {
  for (const [template, value] of understood) assert.deepEqual(rendered(template, payload), value, template)
  assert.equal(rendered('{{ value | float }}', '21.5'), 21.5)
  assert.equal(rendered('{{ value | int }}', '-7'), -7)
  assert.deepEqual(rendered('{{ value_json }}', '[1]'), [1])
  assert.equal(rendered('{{ value_json.x }}', 'text'), 'fault')
  assert.equal(rendered('{{ value | round(2) }}', '-0.125'), -0.12)
})

test('templates that are not', () => {
  const others = [
    '',
    'value',
    '{{ }}',
    '{{ value',
    '{{ value }} °C',
    'x{{ value }}',
    '{{ value }}{{ value }}',
    '{{ value_json.t / 10 }}',
    '{{ value_json.t * 0.1 }}',
    '{{ value_json.a if value_json.b else 1 }}',
    '{{ value_json.t | multiply(0.1) }}',
    '{{ value_json.t | round(1, "floor") }}',
    '{{ value_json.t | round(n) }}',
    '{{ value_json.t | round(1 }}',
    '{{ value_json.t | }}',
    '{{ value_json.t | tojson }}',
    '{{ value_json.t | constructor }}',
    '{{ value_json[value] }}',
    '{{ value_json.get("t") }}',
    '{{ value_json["a\\"b"] }}',
    '{{ value[0] }}',
    '{{ value.x }}',
    '{{ value_jsonx }}',
    '{{ values }}',
    "{{ states('sensor.x') }}",
    '{{ this.state }}',
    "{% if value == 'x' %}1{% endif %}",
    '{# comment #}{{ value }}',
    '{{ (value | float) }}',
    `{{ value_json${'.a'.repeat(400)} }}`
  ]
  for (const template of others) assert.equal(parseTemplate(template), null, template)
})

test('any text is taken, or not, at once', () => {
  const pieces = fc.constantFrom(
    '{{',
    '}}',
    ' ',
    'value',
    'value_json',
    '.',
    'a',
    '[',
    ']',
    '"',
    "'",
    '|',
    'round',
    '(',
    ')',
    '1',
    '-',
    '%',
    '\\',
    '\n'
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
        fc.string()
      ),
      (text) => {
        const template = parseTemplate(text)
        if (template !== null) render(template, payload, () => JSON.parse(payload) as unknown)
      }
    ),
    { numRuns: 2_000 }
  )
  for (const piece of [' ', '{', '{{ ', '.a', '[0]', '| d ', "'"])
    parseTemplate(`{{ value_json${piece.repeat(200_000)}`)
})
