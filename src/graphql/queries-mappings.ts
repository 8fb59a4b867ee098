/** Resolvers of mappings, previews, explanations, redrives and projections. */

import { readMessageProperties } from '../commands/message-properties.ts'
import type { PropertiesInput } from '../commands/message-properties.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { PreviewAsk } from '../projection/projections.ts'
import {
  toExplanationView,
  toMappingsView,
  toPreviewView,
  toProjectionView,
  toRedriveView
} from '../projection/views.ts'
import { filterFault, receivedTopicFault } from '../topic.ts'
import { administering } from './administering.ts'
import { invalid, isUuid, readFirst } from './arguments.ts'
import type { PayloadInput } from './command-input.ts'
import { readPayload } from './command-input.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface PreviewInput extends PayloadInput {
  seq?: string | null
  topic?: string | null
  properties?: PropertiesInput | null
  mappings?: string | null
}

export function createMappingQueries({ store, projections, limits }: GraphqlParts): Resolvers {
  return {
    Query: {
      ...administering({
        mappings: { resolve: async () => toMappingsView(await projections.mappings()) },
        redrives: {
          async resolve(_source, { first }: { first?: number | null }, { access }) {
            return (await projections.redrives(access, readFirst(first, limits))).map(toRedriveView)
          }
        },
        redrive: {
          async resolve(_source, { id }: { id: string }, { access }) {
            const redrive = isUuid(id) ? await projections.redriveById(access, id) : null
            return redrive && toRedriveView(redrive)
          }
        }
      }),
      previewMapping: {
        async resolve(_source, { input }: { input: PreviewInput }, { access }) {
          return toPreviewView(await projections.preview(access, readPreview(input, limits)))
        }
      },
      explain: {
        async resolve(_source, { topic }: { topic: string }, { access }) {
          // That a filter is no topic is a verdict; what is neither never came
          const fault = filterFault(topic, Infinity)?.replace('a filter', 'a topic') ?? null
          if (fault !== null) throw invalidTopic('topic', fault)
          return toExplanationView(await projections.explain(access, topic))
        }
      },
      projections: {
        async resolve() {
          const [all, { horizon }] = await Promise.all([projections.list(), store.journal.head()])
          return all.map((projection) => toProjectionView(projection, horizon))
        }
      }
    }
  }
}

const invalidTopic = (name: string, detail: string): Problem =>
  new Problem('invalid_topic', detail, [{ pointer: `/${name}`, detail }])

function readPreview(input: PreviewInput, limits: Limits): PreviewAsk {
  const { seq = null, topic = null, properties = null, mappings: mappingText = null, ...payloads } = input
  if (mappingText !== null && Buffer.byteLength(mappingText) > limits.mappingsBytesMax)
    throw tooLarge('mappings', limits.mappingsBytesMax)
  if (seq !== null) {
    const beside = Object.entries({ topic, properties, ...payloads }).find(([, given]) => given != null)
    if (beside !== undefined)
      throw invalid(`input/${beside[0]}`, 'It is of a message that is made up; there is seq')
    if (!Number.isSafeInteger(Number(seq)) || seq === '0')
      throw new Problem('not_found', 'There is no such message')
    return { message: { seq: Number(seq) }, mappingText }
  }
  if (topic === null) throw invalid('input/topic', 'Give a seq, or a topic with a payload')
  const fault = receivedTopicFault(topic)
  if (fault !== null) throw invalidTopic('input/topic', fault)
  const payload = readPayload(payloads)
  if (payload.length > limits.previewPayloadBytesMax) throw tooLarge('payload', limits.previewPayloadBytesMax)
  return {
    message: {
      topic,
      payload,
      properties: properties && readMessageProperties(properties, payload, limits)
    },
    mappingText
  }
}

const tooLarge = (name: string, bytesMax: number): Problem => {
  const detail = `It has more than ${bytesMax} bytes`
  return new Problem('payload_too_large', detail, [{ pointer: `/input/${name}`, detail }])
}
