/** Mappings, and what they do with messages, as clients see them: the same on REST and GraphQL. Pure. */

import type { Projection, Redrive, RejectionReason } from '../datapoints.ts'
import type { NewDatapointView, PresenceView, RejectionView } from '../device-views.ts'
import { toNewDatapointView, toPresenceView, toRejectionView } from '../device-views.ts'
import type { FactKind, Seq } from '../model.ts'
import type { CommandAddress, MappingFault, MappingSummary } from '../normalize/mapping-set.ts'
import type { MessageView } from '../views.ts'
import { toMessageView, toSeq, toTime, toTimeOrNull } from '../views.ts'
import type { Explanation, MappingsState, Preview, Reloaded, Verdict } from './projections.ts'

export interface MappingsView {
  file: string | null
  hash: string
  loadedAt: string
  mappings: MappingSummary[]
  faults: MappingFault[]
  doneSeq: string
  lag: number
}

export interface PreviewView {
  topic: string
  mapping: MappingSummary | null
  captures: Record<string, string>
  datapoints: NewDatapointView[]
  unchanged: Array<NewDatapointView & { why: string }>
  presence: PresenceView[]
  rejections: Array<{ reason: RejectionReason; detail: string }>
  attributes: Array<{ device: string; attributes: unknown }>
  commands: Array<Omit<CommandAddress, 'correlation'>>
  state: unknown
}

export interface ExplainedMessageView {
  seq: string
  kind: FactKind
  at: string
  /** null: the broker no longer had it, and sent nothing. */
  message: MessageView | null
  preview: PreviewView
}

export interface ExplanationView {
  topic: string
  verdicts: Verdict[]
  filters: Explanation['filters']
  mapping: MappingSummary | null
  captures: Record<string, string>
  shadowed: string[]
  messages: ExplainedMessageView[]
  rejections: RejectionView[]
  rejectionCounts: Array<{ reason: string; count: number }>
  devices: string[]
}

export interface ProjectionView {
  id: string
  state: Projection['state']
  mappingHash: string
  mappingText: string
  doneSeq: string
  targetSeq: string
  /** Of one being built, from 0 to 1. */
  progress: number | null
  createdAt: string
  switchedAt: string | null
}

export interface RedriveView {
  id: string
  state: Redrive['state']
  mode: Redrive['mode']
  filters: string[]
  reason: RejectionReason | null
  mapping: string | null
  from: string | null
  to: string | null
  principal: string
  createdAt: string
  finishedAt: string | null
  lastSeq: string
  untilSeq: string
  messages: number
  accepted: number
  error: string | null
}

export interface ReloadedView {
  changed: boolean
  hash: string
  building: ProjectionView | null
}

export const toMappingsView = (state: MappingsState): MappingsView => ({
  file: state.file,
  hash: state.hash,
  loadedAt: toTime(state.loadedAt),
  mappings: [...state.mappings],
  faults: [...state.faults],
  doneSeq: toSeq(state.doneSeq),
  lag: state.lag
})

export const toPreviewView = (preview: Preview): PreviewView => ({
  topic: preview.topic,
  mapping: preview.mapping,
  captures: preview.captures,
  datapoints: preview.datapoints.map(toNewDatapointView),
  unchanged: preview.unchanged.map((datapoint) => ({ ...toNewDatapointView(datapoint), why: datapoint.why })),
  presence: preview.presence.map(toPresenceView),
  rejections: preview.rejections.map(({ reason, detail }) => ({ reason, detail })),
  attributes: preview.attributes.map(({ device, attributes }) => ({
    device,
    attributes: withoutBigints(attributes)
  })),
  commands: preview.commands.map(({ name, topic, responseTopic }) => ({ name, topic, responseTopic })),
  state: withoutBigints(preview.state ?? null)
})

/** What decoders remember is JSON with integers beyond 2^53 as bigint: JSON has their digits as text. */
function withoutBigints(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(withoutBigints)
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutBigints(inner)]))
}

export const toExplanationView = (explanation: Explanation): ExplanationView => ({
  topic: explanation.topic,
  verdicts: explanation.verdicts.map(({ code, detail, fix }) => ({ code, detail, fix })),
  filters: explanation.filters.map(({ filter, subscribed, refusedWith }) => ({
    filter,
    subscribed,
    refusedWith
  })),
  mapping: explanation.mapping,
  captures: explanation.captures,
  shadowed: explanation.shadowed,
  messages: explanation.messages.map(({ fact, preview }) => ({
    seq: toSeq(fact.seq),
    kind: fact.kind,
    at: toTime(fact.at),
    message: fact.message && toMessageView(fact.message),
    preview: toPreviewView(preview)
  })),
  rejections: explanation.rejections.map(toRejectionView),
  rejectionCounts: explanation.rejectionCounts.map(({ reason, count }) => ({ reason, count })),
  devices: explanation.devices
})

/** `horizon`: of the journal, where one that is being built begins. */
export const toProjectionView = (projection: Projection, horizon: Seq): ProjectionView => ({
  id: String(projection.id),
  state: projection.state,
  mappingHash: projection.mappingHash,
  mappingText: projection.mappingText,
  doneSeq: toSeq(projection.doneSeq),
  targetSeq: toSeq(projection.targetSeq),
  progress: projection.state === 'building' ? progressOf(projection, horizon) : null,
  createdAt: toTime(projection.createdAt),
  switchedAt: toTimeOrNull(projection.switchedAt)
})

function progressOf({ doneSeq, targetSeq }: Projection, horizon: Seq): number {
  const all = targetSeq - horizon
  return all <= 0 ? 1 : Math.min(1, Math.max(0, (doneSeq - horizon) / all))
}

export const toReloadedView = ({ changed, hash, building }: Reloaded, horizon: Seq): ReloadedView => ({
  changed,
  hash,
  building: building && toProjectionView(building, horizon)
})

export const toRedriveView = (redrive: Redrive): RedriveView => ({
  id: redrive.id,
  state: redrive.state,
  mode: redrive.mode,
  filters: [...redrive.filters],
  reason: redrive.reason,
  mapping: redrive.mapping,
  from: toTimeOrNull(redrive.from),
  to: toTimeOrNull(redrive.to),
  principal: redrive.principal,
  createdAt: toTime(redrive.createdAt),
  finishedAt: toTimeOrNull(redrive.finishedAt),
  lastSeq: toSeq(redrive.lastSeq),
  untilSeq: toSeq(redrive.untilSeq),
  messages: redrive.messages,
  accepted: redrive.accepted,
  error: redrive.error
})
