/**
 * What normalization makes of a device's messages: its responses, which are events of the metric `response`, and values that
 * show what a command did. Pure but for what it remembers.
 */

import type { Awaited } from '../command.ts'
import type { Datapoint } from '../datapoints.ts'
import type { AwaitedCommand, SoughtMetric } from '../store/answers.ts'
import type { Answer, AwaitedCommands } from './answer.ts'

type MetricAwaited = Extract<Awaited, { kind: 'response' | 'datapoint' }>

export interface MetricAnswers {
  add(command: AwaitedCommand, awaited: MetricAwaited): void
  delete(command: AwaitedCommand, awaited: MetricAwaited): void
  /** Metrics whose datapoints may be answers. */
  sought(): SoughtMetric[]
  answeredBy(datapoint: Datapoint): Answer[]
}

/** What normalize/take-facts.ts makes of a response. */
const responseMetric = 'response'

interface Said {
  correlation: string
  /** null: it is not decided yet. */
  ok: boolean | null
}

/** What it says is in the response, which not everybody may read who may read the command. */
const refused = 'The device says that it did not do it'

/** `keyOfValue`: equal values have equal keys. */
export function createMetricAnswers(keyOfValue: (datapoint: Datapoint) => string): MetricAnswers {
  /** By device and metric; in it by value, or by correlation. */
  const metrics = new Map<string, { sought: SoughtMetric; byKey: Map<string, AwaitedCommands> }>()

  function at(sought: SoughtMetric): Map<string, AwaitedCommands> {
    const name = nameOf(sought)
    let there = metrics.get(name)
    if (there === undefined) metrics.set(name, (there = { sought, byKey: new Map() }))
    return there.byKey
  }

  return {
    add(command, awaited) {
      for (const { key, ...sought } of placesOf(awaited)) {
        const byKey = at(sought)
        const there = byKey.get(key)
        if (there === undefined) byKey.set(key, new Set([command]))
        else there.add(command)
      }
    },
    delete(command, awaited) {
      for (const { key, ...sought } of placesOf(awaited)) {
        const byKey = at(sought)
        byKey.get(key)?.delete(command)
        if (byKey.get(key)?.size === 0) byKey.delete(key)
        if (byKey.size === 0) metrics.delete(nameOf(sought))
      }
    },
    sought: () => [...metrics.values()].map(({ sought }) => sought),
    answeredBy(datapoint) {
      const byKey = metrics.get(nameOf(datapoint))?.byKey
      if (byKey === undefined || datapoint.role === 'historical') return []
      const said = datapoint.metric === responseMetric ? readResponse(datapoint) : null
      const found = new Map<string, Answer>()
      const behind = (commands: Iterable<AwaitedCommand> = []): AwaitedCommand[] =>
        [...commands].filter(({ publishSeq }) => publishSeq < datapoint.seq)
      if (said !== null && said.ok !== null) {
        const reason = said.ok ? null : refused
        for (const { id, awaited } of behind(byKey.get(responseKey(said.correlation)))) {
          // That it will do it is no effect yet
          if (said.ok && awaited.kind !== 'response') continue
          found.set(id, { id, ok: said.ok, reason, seq: datapoint.seq, isResponse: true, message: null })
        }
      }
      for (const { id } of behind(byKey.get(valueKey(keyOfValue(datapoint)))))
        if (!found.has(id))
          found.set(id, { id, ok: true, reason: null, seq: datapoint.seq, isResponse: false, message: null })
      return [...found.values()]
    }
  }
}

/** Names have no NUL. */
const nameOf = ({ device, metric }: SoughtMetric): string => `${device}\0${metric}`

const responseKey = (correlation: string): string => `response ${correlation}`
const valueKey = (key: string): string => `value ${key}`

function placesOf(awaited: MetricAwaited): Array<SoughtMetric & { key: string }> {
  const { device } = awaited
  const response = (correlation: string) => ({
    device,
    metric: responseMetric,
    key: responseKey(correlation)
  })
  if (awaited.kind === 'response') return [response(awaited.correlation)]
  const value = { device, metric: awaited.metric, key: valueKey(awaited.value) }
  return awaited.refusal === null ? [value] : [value, response(awaited.refusal)]
}

/** null: it is none; the device may have a metric of that name. */
function readResponse({ type, exact }: Datapoint): Said | null {
  if (type !== 'json' || exact === null) return null
  const value = JSON.parse(Buffer.from(exact).toString('utf8')) as Partial<Record<keyof Said, unknown>> | null
  const { correlation, ok = null } = value ?? {}
  if (typeof correlation !== 'string' || (ok !== null && typeof ok !== 'boolean')) return null
  return { correlation, ok }
}
