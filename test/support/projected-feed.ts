/** What a projector would give to streams: how far it is, and the datapoints of messages, as a test says. */

import type { Datapoint } from '../../src/datapoints.ts'
import type { ProjectedDatapoints } from '../../src/feed/events.ts'
import type { ProjectedPosition } from '../../src/feed/min-cursor.ts'
import type { Seq } from '../../src/model.ts'

export interface TestProjected extends ProjectedDatapoints, ProjectedPosition {
  datapoints: Map<Seq, Datapoint[]>
  /** How many messages were asked for at once, in order. */
  reads: number[]
  /** Facts up to here are projected; Infinity at first. */
  doneSeq: Seq
  /** A stream waits until this fact is projected. */
  waitingFor: Seq | null
  advance(to: Seq): void
}

export function createProjected(): TestProjected {
  let waiting: Array<() => void> = []
  const projected: TestProjected = {
    datapoints: new Map(),
    reads: [],
    doneSeq: Infinity,
    waitingFor: null,
    advance(to) {
      projected.doneSeq = to
      const all = waiting
      waiting = []
      for (const wake of all) wake()
    },
    done: async () => projected.doneSeq,
    async reached(seq, signal) {
      while (projected.doneSeq < seq && !signal.aborted) {
        projected.waitingFor = seq
        await new Promise<void>((resolve) => {
          const done = (): void => {
            signal.removeEventListener('abort', done)
            resolve()
          }
          waiting.push(done)
          signal.addEventListener('abort', done)
        })
        projected.waitingFor = null
      }
    },
    async datapointsOf(seqs) {
      projected.reads.push(seqs.length)
      return new Map(
        seqs.flatMap((seq) => {
          const datapoints = projected.datapoints.get(seq)
          return datapoints === undefined ? [] : [[seq, datapoints]]
        })
      )
    }
  }
  return projected
}

export const toDatapoint = (
  datapoint: Partial<Datapoint> & Pick<Datapoint, 'seq' | 'n' | 'topic'>
): Datapoint => ({
  device: 'device',
  metric: 'metric',
  type: 'number',
  number: datapoint.n,
  exact: null,
  observedAt: 0,
  receivedAt: 0,
  clock: 'received',
  role: 'state',
  unit: null,
  quality: null,
  ...datapoint
})
