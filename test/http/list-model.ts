/** What lists show, by definition: everything that is stored, read at once and looked through here. */

import type { TestContext } from 'node:test'
import pg from 'pg'
import { compileFilters } from '../../src/topic.ts'
import { query } from '../support/database.ts'

/** A pattern as its definition says it, character by character. */
export function patternMatches(pattern: string, name: string): boolean {
  if (pattern === '') return name === ''
  if (pattern[0] === '*')
    return patternMatches(pattern.slice(1), name) || (name !== '' && patternMatches(pattern, name.slice(1)))
  const escaped = pattern[0] === '\\' ? 1 : 0
  return (
    name !== '' && name[0] === pattern[escaped] && patternMatches(pattern.slice(escaped + 1), name.slice(1))
  )
}

const anyOf = (patterns: readonly string[], name: string): boolean =>
  patterns.length === 0 || patterns.some((pattern) => patternMatches(pattern, name))

export interface SeriesAsked {
  device: string[]
  metric: string[]
  filter: readonly string[]
  /** Milliseconds. */
  from: number | null
  to: number | null
  order: 'asc' | 'desc'
}

/** `seq n` of the datapoints, in order. */
export async function datapointsOf(url: string, ask: SeriesAsked, whole: (device: string) => boolean) {
  const rows = await query<{
    seq: string
    n: number
    at: Date
    device: string
    metric: string
    topic: string
  }>(
    url,
    `select p.seq, p.n, p.observed_at as at, d.name as device, m.name as metric, t.name as topic
     from datapoints p join metrics m on m.id = p.metric_id join devices d on d.id = m.device_id
     join topics t on t.id = p.topic_id join projections c on c.id = p.projection_id and c.state = 'current'
     order by p.observed_at, p.seq, p.n`
  )
  const matches = compileFilters(ask.filter)
  const found = rows.filter(
    ({ at, device, metric, topic }) =>
      anyOf(ask.device, device) &&
      anyOf(ask.metric, metric) &&
      matches(topic) &&
      whole(device) &&
      (ask.from === null || at.getTime() >= ask.from) &&
      (ask.to === null || at.getTime() < ask.to)
  )
  const places = found.map(({ seq, n }) => `${seq} ${n}`)
  return ask.order === 'asc' ? places : places.toReversed()
}

/** Seqs of the messages, in order. */
export async function messagesOf(url: string, ask: Omit<SeriesAsked, 'metric'>) {
  const rows = await query<{ seq: string; at: Date; topic: string; devices: string[] }>(
    url,
    `select j.seq, j.at, t.name as topic, array(
       select d.name from devices d join projections c on c.id = d.projection_id and c.state = 'current'
       where d.topic_id = t.id or exists (
         select from datapoints p join metrics m on m.id = p.metric_id where m.device_id = d.id and p.topic_id = t.id)
     ) as devices
     from journal j join topics t on t.id = j.topic_id where j.kind = 1 order by j.seq`
  )
  const matches = compileFilters(ask.filter)
  const found = rows.filter(
    ({ at, topic, devices }) =>
      matches(topic) &&
      (ask.device.length === 0 || devices.some((device) => anyOf(ask.device, device))) &&
      (ask.from === null || at.getTime() >= ask.from) &&
      (ask.to === null || at.getTime() < ask.to)
  )
  const seqs = found.map(({ seq }) => seq)
  return ask.order === 'asc' ? seqs : seqs.toReversed()
}

export function toQuery(ask: Record<string, unknown>): string {
  const given = Object.entries(ask).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [value].flat().map((one) => [name, one] as const)
  )
  return given
    .map(([name, value]) => {
      const isTime = name === 'from' || name === 'to'
      return `${name}=${encodeURIComponent(isTime ? new Date(value as number).toISOString() : String(value))}`
    })
    .join('&')
}

/** Rows that statements of these names gave since this was asked last, and how many statements there were. */
export function countRows(t: TestContext, isCounted: (name: string) => boolean) {
  let [rows, statements] = [0, 0]
  const given = pg.Client.prototype.query
  t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...values: unknown[]) {
    const statement = values[0] as string | { name?: string; text?: string }
    const name = typeof statement === 'string' ? statement : (statement.name ?? statement.text ?? '')
    const callback = values.at(-1)
    if (isCounted(name)) {
      statements++
      if (typeof callback === 'function')
        values[values.length - 1] = (error: unknown, result: pg.QueryResult | undefined) => {
          rows += result?.rows.length ?? 0
          ;(callback as (error: unknown, result: unknown) => void)(error, result)
        }
    }
    return given.apply(this, values as never)
  } as never)
  return (): { rows: number; statements: number } => {
    const counted = { rows, statements }
    ;[rows, statements] = [0, 0]
    return counted
  }
}
