/** "Where is my message?": gathers what is known of a topic, and says what it means. */

import type { Datapoint } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Access, Fact, GapDetail, Message } from '../model.ts'
import type { MatchedMapping } from '../normalize/mapping-set.ts'
import { oneSeries } from '../store/find-series.ts'
import type { Store } from '../store/store.ts'
import type { Evidence, Seen } from './evidence.ts'
import { gatherOthers } from './other-topics.ts'
import type { MappingFields } from './mapping-fields.ts'
import { readMappingFields } from './mapping-fields.ts'
import { templateMatches } from './nearest.ts'
import { toSource } from './normalize-facts.ts'
import type { PreviewParts } from './preview.ts'
import { createPreviewer } from './preview.ts'
import type { Explanation, Projections } from './projections.ts'
import { verdicts } from './verdicts.ts'
import { filterMatches } from './verdicts-received.ts'

/** What the receiving session tells of itself. */
export interface ReceiverStatus {
  state: string
  version: 4 | 5 | null
  lastError: string | null
  takenOver: boolean
  refusedFilters: readonly string[]
}

export interface ExplainerParts extends PreviewParts {
  config: { filters: readonly string[] }
  /** null: this instance does not receive. */
  status: () => ReceiverStatus | null
  store: Pick<Store, 'journal' | 'states' | 'projections' | 'rejections' | 'datapoints'>
}

export type Explainer = Pick<Projections, 'preview' | 'explain'>

export function createExplainer(parts: ExplainerParts): Explainer {
  const previewer = createPreviewer(parts)
  const fieldsOf = cachedFields()
  return {
    preview: previewer.preview,
    async explain(access, topic) {
      if (!access.mayRead(topic)) throw new Problem('forbidden', 'You may not read this topic')
      const evidence = await gather(parts, previewer, fieldsOf, access, topic)
      return toExplanation(evidence, parts.limits.explainRejectionsMax)
    }
  }
}

/** The document is parsed once for as long as it is in use. */
function cachedFields(): (text: string) => ReadonlyMap<string, MappingFields> {
  let last: { text: string; fields: ReadonlyMap<string, MappingFields> } | null = null
  return (text) => {
    if (last?.text !== text) last = { text, fields: readMappingFields(text) }
    return last.fields
  }
}

async function gather(
  parts: ExplainerParts,
  previewer: ReturnType<typeof createPreviewer>,
  fieldsOf: ReturnType<typeof cachedFields>,
  access: Access,
  topic: string
): Promise<Evidence> {
  const { store, limits } = parts
  const set = parts.mappings()
  const matched = set.match(topic)
  const [state, gaps, projections, rejections] = await Promise.all([
    store.states.byName(access, topic),
    gatherGaps(parts, access),
    store.projections.list(),
    store.rejections.page(access, {
      filters: [topic],
      reason: null,
      mapping: null,
      from: null,
      to: null,
      after: null,
      limit: limits.explainRejectionsCountedMax,
      order: 'desc'
    })
  ])
  const messages = state === null ? [] : await gatherMessages(parts, access, state)
  const sources = messages.map(({ fact }) => toSource(fact)!)
  const [previews, stored, others] = await Promise.all([
    previewer.previewAll(access, set, sources),
    store.datapoints.bySeqs(messages.map(({ fact }) => fact.seq)),
    state === null ? gatherOthers(store.states, access, topic, limits.explainOtherTopicsMax) : []
  ])
  const seen: Seen[] = messages.map(({ fact, message }, index) => ({
    fact,
    message,
    preview: previews[index]!,
    stored: stored.get(fact.seq) ?? []
  }))
  const receiver = parts.status()
  const current = projections.find((projection) => projection.state === 'current')
  return {
    topic,
    leading: receiver !== null && receiver.state !== 'stopped',
    mqtt: {
      state: receiver?.state ?? 'stopped',
      version: receiver?.version == null ? null : receiver.version === 5 ? '5' : '3.1.1',
      lastError: receiver?.lastError ?? null,
      takenOver: receiver?.takenOver ?? false,
      refusedFilters: [...(receiver?.refusedFilters ?? [])]
    },
    filters: parts.config.filters,
    mappings: set.mappings,
    fields: fieldsOf(set.text),
    matched,
    shadowed: laterMatches(set.mappings, matched, topic),
    state,
    others,
    seen,
    rejections: rejections.items,
    gaps,
    latest: await gatherLatest(parts, access, seen[0]),
    doneSeq: set.mappings.length === 0 ? Infinity : (current?.doneSeq ?? 0),
    building: projections.some((projection) => projection.state === 'building'),
    limits
  }
}

/** Never asked, since the first that matches wins. */
function laterMatches(
  mappings: Evidence['mappings'],
  matched: MatchedMapping | null,
  topic: string
): Evidence['mappings'] {
  const index = matched === null ? -1 : mappings.indexOf(matched.mapping)
  return mappings.slice(index + 1).filter((mapping) => {
    // Other topics of the same convention are no others; the filter is quicker, and matches whatever the template does
    return (
      index !== -1 &&
      mapping.name !== matched!.mapping.name &&
      filterMatches(mapping.filter, topic) &&
      templateMatches(mapping.topic, topic)
    )
  })
}

/**
 * The newest messages, the newest of all at the first look: reading begins at the fact that the state is of. How far it
 * goes back from there is bounded, so that of a topic that rarely speaks it may be the only one.
 */
async function gatherMessages(
  { store, limits }: ExplainerParts,
  access: Access,
  state: NonNullable<Evidence['state']>
): Promise<Array<{ fact: Fact; message: Message }>> {
  const { topic, latest } = state
  const { items } = await store.journal.page(access, {
    filters: [topic],
    kinds: ['message', 'snapshot', 'cleared'],
    after: null,
    until: Math.max(state.seq, latest.seq),
    limit: limits.explainMessagesMax,
    order: 'desc'
  })
  const found = items.flatMap((fact) => (fact.message === null ? [] : [{ fact, message: fact.message }]))
  // What retention took from the journal, the state still has
  if (found.length === 0) {
    const fact: Fact = {
      seq: latest.seq,
      at: latest.receivedAt,
      kind: 'message',
      topicId: state.topicId,
      topic,
      message: latest,
      commandId: null,
      detail: null
    }
    found.push({ fact, message: latest })
  }
  let bytes = 0
  const end = found.findIndex(
    ({ message }) => (bytes += message.payload.length) > limits.explainPayloadBytesMax
  )
  return end === -1 ? found : found.slice(0, Math.max(end, 1))
}

async function gatherGaps({ store, limits }: ExplainerParts, access: Access): Promise<Evidence['gaps']> {
  const { seq } = await store.journal.head()
  const limit = limits.explainGapsMax
  const { items } = await store.journal.page(access, {
    filters: [],
    kinds: ['gap'],
    after: null,
    until: seq,
    limit,
    order: 'desc'
  })
  return items.map((fact) => ({ seq: fact.seq, detail: fact.detail as GapDetail }))
}

/** Of each metric that the newest message gives, the datapoint that counts as latest. */
async function gatherLatest(
  { store, limits }: ExplainerParts,
  access: Access,
  newest: Seen | undefined
): Promise<Datapoint[]> {
  const found: Datapoint[] = []
  for (const { device, metric } of (newest?.stored ?? []).slice(0, limits.explainLatestMax)) {
    const { items } = await store.datapoints.page(access, {
      ...oneSeries(device, metric),
      from: null,
      to: null,
      order: 'desc',
      after: null,
      until: null,
      limit: 10
    })
    const latest = items.find(({ role }) => role !== 'historical')
    if (latest !== undefined) found.push(latest)
  }
  return found
}

function toExplanation(evidence: Evidence, rejectionsMax: number): Explanation {
  const { topic, filters, mqtt, matched, shadowed, seen, rejections } = evidence
  const counts = new Map<string, number>()
  for (const { reason } of rejections) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  const devices = seen.flatMap(({ preview, stored }) =>
    [...stored, ...preview.datapoints, ...preview.unchanged, ...preview.presence].map(({ device }) => device)
  )
  return {
    topic,
    verdicts: verdicts(evidence),
    filters: filters
      .filter((filter) => filterMatches(filter, topic))
      .map((filter) => {
        const refused = mqtt.refusedFilters.includes(filter)
        // The session keeps no reason codes: which filter it was is known, and why is in the log of the broker
        return { filter, subscribed: mqtt.state === 'connected' && !refused, refusedWith: null }
      }),
    mapping: matched?.mapping ?? null,
    captures: matched?.captures ?? {},
    shadowed: shadowed.map(({ name }) => name),
    messages: seen.map(({ fact, preview }) => ({ fact, preview })),
    rejections: rejections.slice(0, rejectionsMax),
    rejectionCounts: [...counts].map(([reason, count]) => ({ reason, count })),
    devices: [...new Set(devices)]
  }
}
