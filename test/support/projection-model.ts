/** What devices, metrics and datapoints are by definition: all messages, in the order of their seq, in plain JS. */

import type { Datapoint, Device, Metric } from '../../src/datapoints.ts'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import type { Store } from '../../src/store/store.ts'
import { seriesOf } from './projected.ts'
import { everything } from './store.ts'

export interface ProjectionContent {
  devices: Device[]
  metrics: Metric[]
  datapoints: Datapoint[]
}

const place = (datapoint: Datapoint): number[] => [
  Number(datapoint.role !== 'historical'),
  datapoint.observedAt,
  datapoint.seq,
  datapoint.n
]

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  for (const [index, value] of a.entries()) {
    if (value < b[index]!) return -1
    if (value > b[index]!) return 1
  }
  return 0
}

export function expectedContent(messages: readonly ProjectedMessage[]): ProjectionContent {
  const datapoints: Datapoint[] = messages.flatMap(({ seq, topic, receivedAt, datapoints: values }) =>
    values.map((value, n) => ({ ...value, seq, n, topic, receivedAt }))
  )
  const metrics = groups(datapoints, ({ device, metric }) => `${device} ${metric}`).map((all) => {
    const sorted = all.toSorted((a, b) => compare(place(a), place(b)))
    const greatest = sorted.at(-1)!
    return {
      id: 0,
      device: greatest.device,
      name: greatest.metric,
      seq: 0, // depends on how messages were split into chunks
      type: greatest.type,
      unit: greatest.unit,
      topic: greatest.topic,
      latest: greatest.role === 'state' ? greatest : null
    }
  })
  const mentions = messages.flatMap((message) =>
    [
      ...new Set([
        ...message.devices,
        ...message.datapoints.map(({ device }) => device),
        ...message.presence.map(({ device }) => device),
        ...message.attributes.map(({ device }) => device)
      ])
    ].map((device) => ({ device, message }))
  )
  const devices = groups(mentions, ({ device }) => device).map((all): Device => {
    const name = all[0]!.device
    const heard = all.filter(({ message }) => message.devices.includes(name))
    const { message: last } = (heard.length > 0 ? heard : all).at(-1)!
    const times = all.map(({ message }) => message.receivedAt)
    const said = all.flatMap(({ message }) => message.presence.filter(({ device }) => device === name))
    const changes = said.filter(
      ({ presence }, index) => presence !== (index === 0 ? 'unknown' : said[index - 1]!.presence)
    )
    return {
      id: 0,
      name,
      seq: all.at(-1)!.message.seq,
      mapping: last.mapping,
      topic: last.topic,
      firstSeenAt: Math.min(...times),
      lastSeenAt:
        heard.length === 0 ? Math.min(...times) : Math.max(...heard.map(({ message }) => message.receivedAt)),
      presence: said.at(-1)?.presence ?? 'unknown',
      presenceAt: changes.at(-1)?.at ?? null,
      presenceSource: changes.at(-1)?.source ?? null,
      offlineAfterSeconds: last.offlineAfterSeconds,
      attributes: Object.fromEntries(
        all.flatMap(({ message }) =>
          message.attributes
            .filter(({ device }) => device === name)
            .flatMap(({ attributes }) => Object.entries(attributes))
        )
      ),
      metrics: metrics.filter(({ device }) => device === name).length
    }
  })
  return sorted({ devices, metrics, datapoints })
}

/** As the store tells it, read by small pages. */
export async function storedContent(store: Store): Promise<ProjectionContent> {
  const devices: Device[] = []
  for (let after: number | null = null; ;) {
    const page = await store.devices.page(everything, { after, limit: 2, order: 'asc' })
    devices.push(...page.items)
    if ((after = page.next) === null) break
  }
  const metrics: Metric[] = []
  const datapoints: Datapoint[] = []
  for (const { name } of devices) {
    for (let after: number | null = null; ;) {
      const page = await store.devices.metrics(everything, name, { after, limit: 2 })
      metrics.push(...page.items)
      if ((after = page.next) === null) break
    }
    const ask = { ...seriesOf(name), from: null, to: null, order: 'asc' as const, limit: 7 }
    let after = null
    for (;;) {
      const page = await store.datapoints.page(everything, { ...ask, after })
      datapoints.push(...page.items)
      if ((after = page.next) === null) break
    }
  }
  return sorted({
    devices: devices.map((device) => ({ ...device, id: 0 })),
    metrics: metrics.map((metric) => ({ ...metric, id: 0, seq: 0 })),
    datapoints
  })
}

const sorted = (content: ProjectionContent): ProjectionContent => ({
  devices: content.devices.toSorted((a, b) => compare([a.name], [b.name])),
  metrics: content.metrics.toSorted((a, b) => compare([a.device, a.name], [b.device, b.name])),
  datapoints: content.datapoints.toSorted((a, b) => compare([a.seq, a.n], [b.seq, b.n]))
})

function groups<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const byKey = new Map<string, T[]>()
  for (const item of items) byKey.set(keyOf(item), [...(byKey.get(keyOf(item)) ?? []), item])
  return [...byKey.values()]
}
