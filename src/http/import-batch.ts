/**
 * Lines that are committed together: a fact for each device, and another one where the topic of a device changes, so that
 * what is of one device stays in the order of the file. Pure.
 */

import type { ReadDatapoint } from '../history/import-line.ts'
import type { ImportedDatapoint } from '../history/imported.ts'
import { writeImported } from '../history/imported.ts'
import type { Limits } from '../limits.ts'
import type { ImportBatch } from '../store/append-import.ts'

interface Group {
  topic: string
  device: string
  datapoints: ImportedDatapoint[]
}

/** What a datapoint takes beside its texts, about. */
const datapointBytes = 80

export class BatchOfLines {
  private readonly limits: Pick<Limits, 'importBatchDatapointsMax' | 'importBatchBytesMax'>
  private groups: Group[] = []
  /** By device: the one that goes on. */
  private open = new Map<string, Group>()
  private bytes = 0
  lines = 0
  datapoints = 0

  constructor(limits: BatchOfLines['limits']) {
    this.limits = limits
  }

  /** What a line says. */
  add(read: ReadDatapoint | null): void {
    this.lines++
    if (read === null) return
    const { topic, ...datapoint } = read
    let group = this.open.get(read.device)
    if (group === undefined || group.topic !== topic) {
      group = { topic, device: read.device, datapoints: [] }
      this.open.set(read.device, group)
      this.groups.push(group)
    }
    group.datapoints.push(datapoint)
    this.datapoints++
    this.bytes += bytesOf(datapoint)
  }

  /** No more is to be added before it is committed. Lines that are empty count, too: all of them are nothing to read again. */
  isFull(): boolean {
    const { importBatchDatapointsMax, importBatchBytesMax } = this.limits
    return this.lines >= importBatchDatapointsMax || this.bytes >= importBatchBytesMax
  }

  toBatch(digest: Uint8Array): ImportBatch {
    const { lines, datapoints } = this
    const facts = this.groups.map(({ topic, device, datapoints: some }) => ({
      topic,
      payload: writeImported(device, some)
    }))
    return { facts, lines, datapoints, digest }
  }
}

const bytesOf = ({ metric, exact, unit, quality }: ImportedDatapoint): number =>
  datapointBytes + metric.length + (exact?.length ?? 0) * 1.4 + (unit?.length ?? 0) + (quality?.length ?? 0)
