/** The shapes of mappings, previews, explanations, projections and redrives, named as in openapi.yaml. */

import { Type } from 'typebox'
import type { TProperties, TSchema } from 'typebox'
import { newDatapointFields, presenceWord, reasonWord } from './device-schemas.ts'
import { named, nullable, ref, seq, text, time, word } from './schemas.ts'

const count = (description: string): TSchema => Type.Integer({ minimum: 0, description })
const list = (name: string, description: string): TSchema => Type.Array(ref(name), { description })
/** An object whose names are not known beforehand. */
const open = (description: string): TSchema =>
  Type.Unsafe({ type: 'object', additionalProperties: true, description })
const captures = open('What the template captured of the topic, by name')
const hash = text('SHA-256 of what the mappings mean: comments and order of keys do not change it')

const addressFields: TProperties = {
  name: text('Name of the command'),
  topic: text('Topic to publish it to'),
  responseTopic: nullable(text('Topic on which the answer comes'))
}

const mapping = named('Mapping', 'What messages of some topics mean.', {
  name: text('Its name; unique'),
  topic: text('Topic template'),
  filter: text('Topic filter that the template compiles to'),
  decoder: text('How payloads are read'),
  merge: word(
    ['append', 'replace', 'merge', 'event'],
    'How a message goes with the one before it on the same topic'
  ),
  stateful: Type.Boolean({ description: 'What a message means depends on those before it' }),
  offlineAfterSeconds: nullable(count('Silent so long, a device is offline')),
  commands: Type.Array(
    Type.Object({
      ...addressFields,
      correlation: nullable(text('What correlates an answer; null: MQTT 5 correlation data'))
    }),
    { description: 'How commands reach a device; topics are templates' }
  ),
  line: nullable(
    Type.Integer({ minimum: 1, description: 'Its line in rialto.yaml; null: the automatic mapping' })
  )
})

const fault = Type.Object({
  line: count('From 1'),
  column: count('From 1'),
  pointer: text('JSON Pointer into rialto.yaml'),
  message: text('What is wrong'),
  fix: text('What to do')
})

const mappings = named('Mappings', 'The mappings in use, and how far they have come.', {
  file: nullable(text('Path of rialto.yaml; null: none is configured')),
  hash,
  loadedAt: time('When they were read'),
  mappings: list('Mapping', 'In their order: the first that matches a topic has it'),
  faults: Type.Array(fault, {
    description: 'What was wrong at the last reload; those before it stayed in use'
  }),
  doneSeq: seq('Newest position that is normalized'),
  lag: count('Facts that wait')
})

const preview = named('Preview', 'What a message would give. Nothing of it is stored.', {
  topic: text('Topic of the message'),
  mapping: nullable(ref('Mapping')),
  captures,
  datapoints: Type.Array(Type.Object(newDatapointFields), { description: 'In their order' }),
  unchanged: Type.Array(
    Type.Object({ ...newDatapointFields, why: text('What it is compared with, and what was found') }),
    { description: 'Those that would not be stored, since the mapping stores changes alone' }
  ),
  presence: Type.Array(
    Type.Object({
      device: text('Name of the device'),
      presence: presenceWord,
      source: text('What says so'),
      at: time('Since when')
    }),
    { description: 'What it says of the presence of devices' }
  ),
  rejections: Type.Array(Type.Object({ reason: reasonWord, detail: text('What exactly, and what to do') }), {
    description: 'What of it could not be normalized'
  }),
  attributes: Type.Array(Type.Object({ device: text('Name of the device'), attributes: open('By name') }), {
    description: 'What it says of devices beside metrics'
  }),
  commands: Type.Array(Type.Object(addressFields), { description: 'Where commands to the device go' }),
  state: Type.Unknown({
    description: 'What the mapping would remember; integers beyond 2^53 as text. null: nothing'
  })
})

const explanation = named(
  'Explanation',
  "Why a topic's messages are, or are not, where they are looked for.",
  {
    topic: text('Topic name'),
    verdicts: Type.Array(
      Type.Object({
        code: text('Stable'),
        detail: text('What is so'),
        fix: nullable(text('What to do; null: nothing is wrong'))
      }),
      { description: 'The first is the culprit' }
    ),
    filters: Type.Array(
      Type.Object({
        filter: text('Topic filter of RIALTO_TOPICS'),
        subscribed: Type.Boolean({ description: 'Whether the broker accepted it' }),
        refusedWith: nullable(count("The broker's MQTT 5 reason code"))
      }),
      { description: 'Those that match the topic' }
    ),
    mapping: nullable(ref('Mapping')),
    captures,
    shadowed: Type.Array(Type.String(), {
      description: 'Mappings that match as well, and come too late to be asked'
    }),
    messages: Type.Array(
      Type.Object({
        seq: seq('Position of the fact'),
        kind: text('Kind of the fact: message, snapshot or cleared'),
        at: time('When it was committed'),
        message: nullable(ref('Message')),
        preview: ref('Preview')
      }),
      { description: 'The newest, newest first, each with what the mapping makes of it now' }
    ),
    rejections: list('Rejection', 'The newest of the topic'),
    rejectionCounts: Type.Array(Type.Object({ reason: text('Reason'), count: count('Rejections') }), {
      description: 'All of the topic, by reason'
    }),
    devices: Type.Array(Type.String(), { description: 'Devices that messages of the topic are from' })
  }
)

const projection = named(
  'Projection',
  'A version of devices, metrics and datapoints, as some mappings made it of the journal.',
  {
    id: text('Its number'),
    state: word(
      ['building', 'current', 'retired'],
      'current: the one that is shown. building: will replace it'
    ),
    mappingHash: hash,
    mappingText: text('rialto.yaml, as it was'),
    doneSeq: seq('Newest position that is in it'),
    targetSeq: seq('Newest position when it was begun'),
    progress: nullable(Type.Number({ minimum: 0, maximum: 1, description: 'Of one that is being built' })),
    createdAt: time('When it was begun'),
    switchedAt: nullable(time('When it became current'))
  }
)

const projectionList = named('ProjectionList', 'Projections.', { items: list('Projection', 'Newest first') })

const reloaded = named('Reloaded', 'What reading rialto.yaml again came to.', {
  changed: Type.Boolean({ description: 'Whether the mappings mean something else than before' }),
  hash,
  building: nullable(ref('Projection'))
})

const redrive = named('Redrive', 'Rejected messages that run through the mappings again.', {
  id: Type.String({ format: 'uuid' }),
  state: word(['pending', 'running', 'done', 'failed'], 'Where it is'),
  mode: word(
    ['messages', 'rebuild'],
    'messages: they alone. rebuild: a mapping has a memory, so everything is projected anew'
  ),
  filters: Type.Array(Type.String(), {
    description: 'Only of topics that these match; none: of every topic'
  }),
  reason: nullable(reasonWord),
  mapping: nullable(text('Only those of this mapping')),
  from: nullable(time('Only those received then or later')),
  to: nullable(time('Only those received before')),
  principal: text('Who asked'),
  createdAt: time('When'),
  finishedAt: nullable(time('When it was done, or failed')),
  lastSeq: seq('Done up to here'),
  untilSeq: seq('Messages up to here are meant'),
  messages: count('Messages looked at'),
  accepted: count('Those of them that have no rejection any more'),
  error: nullable(text('Why it failed'))
})

const redriveList = named('RedriveList', 'Redrives.', { items: list('Redrive', 'Newest first') })

const forgotten = named('Forgotten', 'What was deleted.', {
  messages: count('Messages of the journal'),
  datapoints: count('Datapoints'),
  devices: count('Devices'),
  topics: count('Topics')
})

export const mappingSchemas: readonly TSchema[] = [
  mapping,
  mappings,
  preview,
  explanation,
  projection,
  projectionList,
  reloaded,
  redrive,
  redriveList,
  forgotten
]
