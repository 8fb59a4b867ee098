/** Chunks as the projector makes them, in few words. */

import type { NormalizedDatapoint } from '../../src/datapoints.ts'
import type { ProjectedChunk, ProjectedMessage, StateChange } from '../../src/store/projected.ts'

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
