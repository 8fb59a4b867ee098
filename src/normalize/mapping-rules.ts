/** What keys of a mapping say together: contradictions, and what is missing. */

import type { BuiltInDecoder } from './decode-payload.ts'
import type { Decoder } from './decoder.ts'
import type { MergePolicy } from './definition.ts'
import type { Entry } from './document-entry.ts'
import type { TopicTemplate } from './topic-template.ts'

/** What has no meaning beside the first. */
const contradictions: ReadonlyArray<[key: string, others: readonly string[], why: string]> = [
  [
    'presence',
    ['metric', 'metrics', 'each', 'timestamp', 'unit', 'quality', 'merge', 'store'],
    'an availability topic tells presence and no metrics'
  ],
  ['metrics', ['metric', 'value'], 'each of metrics has a name and a value of its own']
]

const selecting = [
  'compression',
  'schema',
  'metric',
  'value',
  'each',
  'metrics',
  'timestamp',
  'unit',
  'quality',
  'merge',
  'booleans',
  'presence'
]

export function checkTogether(
  entry: Entry,
  members: Map<string, Entry>,
  topic: TopicTemplate | null,
  decoder: BuiltInDecoder | Decoder | null,
  merge: MergePolicy
): void {
  for (const [key, others, why] of contradictions)
    if (members.has(key))
      for (const other of others)
        members
          .get(other)
          ?.fault(
            `${other} does not go with ${key}: ${why}`,
            `Remove ${other} or ${key}, or write two mappings`
          )
  const device = members.get('device')
  if (members.has('presence') && device?.isMap === true)
    device.fault(
      'The device of an availability topic is not selected',
      'Name a level of the topic, and use it: "{device}"'
    )
  if (decoder !== null && typeof decoder !== 'string')
    for (const key of selecting)
      members
        .get(key)
        ?.fault(`${key} does not go with a decoder of your own`, `Remove ${key}: the decoder does that`)
  if (merge === 'event') {
    refuseStore(members.get('store'))
    for (const metric of members.get('metrics')?.list('[]') ?? []) refuseStore(metric.member('store'))
  }
  checkScalar(members, decoder)
  checkSchema(entry, members, decoder)
  if (merge === 'merge') checkMerge(members, decoder)
  const needsDevice = typeof decoder === 'string'
  if (needsDevice && topic !== null && !members.has('device') && !topic.names.includes('device'))
    entry.fault(
      'Nothing tells the device',
      topic.names.length > 0
        ? `Add device: "{${topic.names[0]}}"`
        : 'Name a level of the topic {device}, or add device'
    )
  const booleans = members.get('booleans')
  if (booleans !== undefined && decoder !== 'boolean' && !members.has('metrics'))
    booleans.fault(
      'booleans is for decoder boolean, and for metrics of type boolean',
      'Add decoder: boolean, or remove it'
    )
}

export function refuseStore(store: Entry | undefined): void {
  store?.fault('store does not go with events: each of them happened, and is stored', 'Remove store')
}

/** A payload that is one value has no parts. */
function checkScalar(members: Map<string, Entry>, decoder: BuiltInDecoder | Decoder | null): void {
  if (decoder !== 'text' && decoder !== 'number' && decoder !== 'boolean' && decoder !== 'bytes') return
  for (const key of ['value', 'each', 'metrics', 'timestamp'])
    members
      .get(key)
      ?.fault(
        `Nothing can be selected of a payload that is ${decoder}`,
        `Remove ${key}, or use decoder: json`
      )
}

function checkSchema(
  entry: Entry,
  members: Map<string, Entry>,
  decoder: BuiltInDecoder | Decoder | null
): void {
  const schema = members.get('schema')
  if (decoder === 'protobuf' && schema === undefined)
    entry.fault(
      'Nothing tells the messages of Protobuf',
      'Add schema: { file: ./sensors.proto, type: site.Reading }'
    )
  if (schema !== undefined && typeof decoder === 'string' && decoder !== 'protobuf' && decoder !== 'auto')
    schema.fault('schema is for decoder protobuf', 'Use decoder: protobuf, or remove schema')
}

const documents = new Set<unknown>(['auto', 'json', 'cbor', 'msgpack', 'protobuf'])

function checkMerge(members: Map<string, Entry>, decoder: BuiltInDecoder | Decoder | null): void {
  if (!documents.has(decoder) && typeof decoder === 'string')
    members.get('merge')!.fault('Only JSON can be merged', 'Use decoder: json, or another merge')
  members.get('each')?.fault('each does not go with merge: merge', 'Use merge: append or replace')
}
