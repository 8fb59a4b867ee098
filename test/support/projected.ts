/** Chunks as the projector makes them, in few words. */

import type { NormalizedDatapoint, Projection } from '../../src/datapoints.ts'
import { exactName } from '../../src/predicate/name-pattern.ts'
import type { DatapointsAsk } from '../../src/store/datapoints.ts'
import type { ProjectedChunk, ProjectedMessage, StateChange } from '../../src/store/projected.ts'
import type { Store } from '../../src/store/store.ts'

export const point = (
  device: string,
  metric: string,
  number: number | null,
  more: Partial<NormalizedDatapoint> = {}
): NormalizedDatapoint => ({
  device,
  metric,
  type: 'number',
  number,
  exact: null,
  observedAt: 1_000,
  clock: 'device',
  role: 'state',
  unit: null,
  quality: null,
  ...more
})

/** Everything of a device, of a metric, or of all; of the datapoints that there are now. */
export const seriesOf = (
  device: string | null = null,
  metric: string | null = null
): Pick<DatapointsAsk, 'devices' | 'metrics' | 'filters' | 'where' | 'until'> => ({
  devices: device === null ? [] : [exactName(device)],
  metrics: metric === null ? [] : [exactName(metric)],
  filters: [],
  where: null,
  until: null
})

/** The current projection, with what is in the journal already passed over. */
export async function currentAtHead(
  store: Store,
  mapping: { hash: string; text: string }
): Promise<Projection> {
  const row = await store.projections.current(mapping)
  const { seq } = await store.journal.head()
  if (seq === row.doneSeq) return row
  await store.projections.write(row.id, { ...chunkOf(row.doneSeq, []), to: seq }, { live: false })
  return { ...row, doneSeq: seq }
}

/** Received 1,000 ms after the epoch, and one for each seq. From the devices of its datapoints, unless told. */
export const messageOf = (
  seq: number,
  topic: { topic: string; topicId: number },
  more: Partial<ProjectedMessage> = {}
): ProjectedMessage => ({
  seq,
  ...topic,
  receivedAt: 1_000 + seq,
  mapping: 'm',
  devices: [...new Set((more.datapoints ?? []).map(({ device }) => device))],
  datapoints: [],
  presence: [],
  rejections: [],
  attributes: [],
  offlineAfterSeconds: null,
  ...more
})

export const chunkOf = (
  from: number,
  messages: ProjectedMessage[],
  states: StateChange[] = []
): ProjectedChunk => ({ from, to: Math.max(from, ...messages.map(({ seq }) => seq)), messages, states })
