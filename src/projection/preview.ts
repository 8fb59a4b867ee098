/** What a mapping makes of a message, dry: nothing is written, and what it would remember is thrown away. */

import type { NormalizedRejection, SourceMessage } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Seq } from '../model.ts'
import { conventions } from '../conventions/conventions.ts'
import { compileMappings, filesOf, modulesOf } from '../normalize/compile-mappings.ts'
import type { DecoderState, MappingSet } from '../normalize/mapping-set.ts'
import { MappingsError } from '../normalize/mapping-set.ts'
import type { Store } from '../store/store.ts'
import { DeadlineError, within } from './deadline.ts'
import { DecoderStates } from './decoder-states.ts'
import { toSource } from './normalize-facts.ts'
import type { Previewed } from './preview-unchanged.ts'
import { tellUnchanged } from './preview-unchanged.ts'
import type { Preview, PreviewAsk } from './projections.ts'

export interface PreviewParts {
  mappings: () => MappingSet
  store: Pick<Store, 'journal' | 'projections' | 'datapoints'>
  limits: Limits
}

export interface Previewer {
  preview(access: Access, ask: PreviewAsk): Promise<Preview>
  /** Of messages that were read already; none of them knows of another. */
  previewAll(access: Access, set: MappingSet, sources: readonly SourceMessage[]): Promise<Preview[]>
}

export function createPreviewer(parts: PreviewParts): Previewer {
  const { mappings, store, limits } = parts

  /** What decoders remember now. */
  async function statesFor(
    set: MappingSet,
    sources: readonly SourceMessage[]
  ): Promise<Map<string, DecoderState>> {
    const keys = new Set<string>()
    for (const { topic } of sources) {
      const key = set.match(topic)?.stateKey ?? null
      if (key !== null) keys.add(key)
    }
    if (keys.size === 0) return new Map()
    const current = (await store.projections.list()).find(({ state }) => state === 'current')
    return current === undefined ? new Map() : new DecoderStates(store, current.id, limits).load(keys)
  }

  async function previewAll(
    access: Access,
    set: MappingSet,
    sources: readonly SourceMessage[]
  ): Promise<Preview[]> {
    const states = await statesFor(set, sources)
    const previewed = sources.map((source) => previewOne(set, source, states, limits.decoderMsMax))
    return tellUnchanged(parts, access, set, previewed)
  }

  return {
    previewAll,
    async preview(access, ask) {
      const set = ask.mappingText === null ? mappings() : compileText(ask.mappingText, parts)
      const source =
        'seq' in ask.message ? await bySeq(parts, access, ask.message.seq) : madeUp(access, ask.message)
      return (await previewAll(access, set, [source]))[0]!
    }
  }
}

/** Another text may use the decoders that are loaded; to load more, over the network, would be to run what somebody sends. */
function compileText(text: string, { mappings, limits }: PreviewParts): MappingSet {
  if (Buffer.byteLength(text) > limits.mappingsBytesMax)
    throw new Problem('invalid_value', `At most ${limits.mappingsBytesMax} bytes of mappings are read`)
  if (text === mappings().text) return mappings()
  const { modules, files } = mappings()
  const missing =
    modulesOf(text).find((name) => !modules.has(name)) ??
    filesOf(text, conventions).find((name) => !files.has(name))
  if (missing !== undefined)
    throw new Problem(
      'invalid_value',
      `${missing} is not loaded: a preview has only the decoders and files of the mappings in use. Write it into rialto.yaml and reload`
    )
  try {
    return compileMappings({ text, file: 'rialto.yaml' }, { limits, modules, conventions, files })
  } catch (error) {
    if (!(error instanceof MappingsError)) throw error
    throw new Problem(
      'invalid_value',
      'The mappings have faults',
      error.faults.map(({ line, column, pointer, message, fix }) => ({
        pointer,
        detail: `Line ${line}, column ${column}: ${message}. ${fix}`
      }))
    )
  }
}

async function bySeq({ store }: PreviewParts, access: Access, seq: Seq): Promise<SourceMessage> {
  const { items } = await store.journal.page(access, {
    filters: [],
    kinds: ['message', 'snapshot', 'cleared'],
    after: seq - 1,
    until: seq,
    limit: 1,
    order: 'asc'
  })
  const source = items[0] === undefined ? null : toSource(items[0])
  if (source === null) throw new Problem('not_found', `There is no message ${seq}, or it is no longer kept`)
  return source
}

function madeUp(access: Access, message: Exclude<PreviewAsk['message'], { seq: Seq }>): SourceMessage {
  const { topic, payload, properties } = message
  if (topic === '' || /[+#\0]/.test(topic) || !topic.isWellFormed())
    throw new Problem('invalid_topic', 'A topic has at least one character, and no wildcards') // [MQTT-3.3.2-2], [MQTT-4.7.3-1]
  // What a decoder remembers of a topic is part of what it says
  if (!access.mayRead(topic)) throw new Problem('forbidden', 'You may not read this topic')
  return { seq: 0, kind: 'message', topic, payload, properties, receivedAt: Date.now() }
}

const nothing = {
  datapoints: [],
  unchanged: [],
  presence: [],
  rejections: [],
  attributes: [],
  commands: [],
  state: null
}

function previewOne(
  set: MappingSet,
  source: SourceMessage,
  states: ReadonlyMap<string, DecoderState>,
  decoderMsMax: number
): Previewed {
  const { seq, topic, receivedAt } = source
  const matched = set.match(topic)
  if (matched === null) return { seq, by: '', preview: { topic, mapping: null, captures: {}, ...nothing } }
  const { mapping, captures, stateKey } = matched
  const before = stateKey === null ? null : (states.get(stateKey) ?? null)
  // Each command has an id of its own
  const names = { id: '{id}', ...captures }
  const commands = mapping.commands.map(({ name, topic: template, responseTopic }) => ({
    name,
    topic: render(template, names),
    responseTopic: responseTopic === null ? null : render(responseTopic, names)
  }))
  const base = { topic, mapping, captures, ...nothing, commands }
  try {
    const { outcome, state } = within(decoderMsMax, () => set.normalize(source, before))
    const preview = {
      ...base,
      datapoints: outcome.datapoints.map((datapoint, n) => ({ ...datapoint, n, receivedAt, topic })),
      presence: outcome.presence,
      rejections: outcome.rejections,
      attributes: outcome.attributes,
      state: state === undefined ? before : state
    }
    return { seq, by: outcome.mapping ?? '', preview }
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error
    const late: NormalizedRejection = {
      reason: 'decoder_timeout',
      detail: `It took more than ${decoderMsMax} ms`
    }
    return { seq, by: '', preview: { ...base, rejections: [late], state: before } }
  }
}

/** A template with what the topic has under its names. */
const render = (template: string, captures: Record<string, string>): string =>
  template.replace(/\{([^{}]+?)\+?\}/g, (whole, name: string) => captures[name] ?? whole)
