/** Reads datapoints of the current projection: pages by time observed, and what given messages said. */

import type { Datapoint } from '../datapoints.ts'
import { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis, Seq } from '../model.ts'
import type { Pool } from './database.ts'
import { createCurrentProjection } from './current-projection.ts'
import type { FoundSeries, SeriesSearch } from './find-series.ts'
import { findSeries } from './find-series.ts'
import { readPage } from './merge-datapoints.ts'
import type { DatapointRow } from './projected-rows.ts'
import { currentProjection, datapointColumns, toDatapoint } from './projected-rows.ts'

/** Where a datapoint stands in pages. */
export interface DatapointPlace {
  observedAt: Millis
  seq: Seq
  n: number
}

export interface DatapointRange {
  /** Time observed: from <= observedAt < to. */
  from: Millis | null
  to: Millis | null
  order: 'asc' | 'desc'
  /** Exclusive, in the direction of `order`. */
  after: DatapointPlace | null
  /** Only what messages up to here said, so that pages of one list fit together; null: all of them. */
  until: Seq | null
  limit: number
}

export interface DatapointsAsk extends SeriesSearch, DatapointRange {}

export interface DatapointPage {
  items: Datapoint[]
  /** To go on from; null at the end. Items may be few, or none, before that. */
  next: DatapointPlace | null
}

export interface Datapoints {
  /** What messages up to here said is written, or never will be: a list that is begun now shows that. */
  end(): Promise<Seq>
  /**
   * Of all series that are meant, in one order. Throws Problem query_too_complex where they are more than
   * `datapointSeriesMax`, and cursor_expired where the mappings change again and again while this is read.
   */
  page(access: Access, ask: DatapointsAsk): Promise<DatapointPage>
  /** What these messages said; whoever asks has checked that the topics may be read. */
  bySeqs(seqs: readonly Seq[]): Promise<Map<Seq, Datapoint[]>>
}

const attemptsMax = 3

export function createDatapoints(pool: Pool, limits: Limits): Datapoints {
  const projectionNow = createCurrentProjection(pool)

  async function attempt(access: Access, ask: DatapointsAsk): Promise<[FoundSeries, DatapointPage]> {
    const series = await findSeries({ pool, limits }, access, ask)
    if (series.metrics.length === 0) return [series, { items: [], next: null }]
    return [series, await readPage({ pool, limits }, access, ask, series)]
  }

  return {
    async end() {
      const { rows } = await pool.query<{ seq: Seq }>({ name: 'datapoints_end', text: endSql })
      return rows[0]!.seq
    },

    async page(access, ask) {
      // What is read of a projection that is dropped meanwhile may be a part; by their names, all series are there again
      for (let attempts = 0; attempts < attemptsMax; attempts++) {
        const [{ projection }, page] = await attempt(access, ask)
        if (projection === (await projectionNow())) return page
      }
      throw new Problem('cursor_expired', 'The mappings changed while this was being read: begin again')
    },

    async bySeqs(seqs) {
      const { rows } = await pool.query<DatapointRow>({
        name: 'datapoints_by_seq',
        text: `select ${datapointColumns} from datapoints p join metrics m on m.id = p.metric_id
               join devices d on d.id = m.device_id join topics t on t.id = p.topic_id
               where p.projection_id = ${currentProjection} and p.seq = any ($1::int8[]) and t.name <> ''
               order by p.seq, p.n`,
        values: [seqs]
      })
      const bySeq = new Map<Seq, Datapoint[]>(seqs.map((seq) => [seq, []]))
      for (const row of rows) bySeq.get(row.seq)!.push(toDatapoint(row))
      return bySeq
    }
  }
}

/** Without mappings nothing is written, and nothing is waited for. */
const endSql = `
  select case when p.mapping_text <> '' then least(h.seq, p.done_seq) else h.seq end as seq
  from journal_head h left join projections p on p.state = 'current' where h.shard = 0`
