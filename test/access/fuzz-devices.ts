/** Devices, metrics and datapoints: what is of several topics is told as far as each of them may be read. */

import type { Asking, Item } from './fuzz-context.ts'
import { encoded } from './fuzz-context.ts'
import { joined, oneOf, pageLimit, someFilters } from './fuzz-asks.ts'
import { told } from './fuzz-topics.ts'

/** All metrics that there are, by device. */
export const allMetrics = ({ oracle }: Asking): Promise<Map<string, Item[]>> =>
  oracle.once('metrics by device', async () => {
    const found = new Map<string, Item[]>()
    for (const { device } of await oracle.walk('devices'))
      found.set(device, await oracle.walk(`devices/${encoded(device)}/metrics`))
    return found
  })

/** A device with its metrics, as they may be read. */
interface Seen {
  device: Item
  metrics: readonly Item[]
}

export async function seenDevices(asking: Asking): Promise<Seen[]> {
  const metrics = await allMetrics(asking)
  return (await asking.oracle.walk('devices'))
    .filter(({ topic }) => asking.may(topic))
    .map((device) => {
      const readable = metrics.get(device['device'])!.filter(({ topic }) => asking.may(topic))
      return { device: { ...device, metricCount: readable.length }, metrics: readable }
    })
}

const valueOf = ({ metrics }: Seen, name: string): unknown =>
  metrics.find(({ metric, latest }) => metric === name && latest !== null)?.['latest'].value

const wheres: Array<[text: string, test: (seen: Seen) => boolean]> = [
  ['eq(presence,"online")', ({ device }) => device['presence'] === 'online'],
  ['gt(metrics/temperature/value,50)', (seen) => Number(valueOf(seen, 'temperature') ?? 0) > 50],
  ['exists(metrics/pressure/value)', (seen) => valueOf(seen, 'pressure') !== undefined],
  ['ge(metricCount,2)', ({ device }) => device['metricCount'] >= 2],
  ['prefix(topic,"avail/")', ({ device }) => device['topic'].startsWith('avail/')]
]

export async function devices(asking: Asking): Promise<void> {
  let expected = await seenDevices(asking)
  const parts: string[] = []
  if (asking.chance(0.6)) {
    const [text, test] = asking.pick(wheres)
    parts.push(`where=${encoded(text)}`)
    expected = expected.filter(test)
  }
  const sorted = asking.chance(0.4)
  const name = asking.pick(['temperature', 'power', 'pressure'])
  if (sorted) {
    const descending = asking.chance(0.5)
    parts.push(`sort=${descending ? '-' : ''}metrics/${name}/value`)
    const key = (seen: Seen): number => Number(valueOf(seen, name) ?? -1)
    expected = expected.toSorted((a, b) => (descending ? key(b) - key(a) : key(a) - key(b)))
  } else if (asking.chance(0.5)) {
    parts.push('order=desc')
    expected.reverse()
  }
  parts.push(`fields=metricCount,presence,metrics/${name}/value`)
  const path = joined('devices', parts)
  const items = await asking.walk(path, pageLimit(asking))
  asking.same(
    items,
    expected.map((seen) => {
      const value = valueOf(seen, name)
      const { device, metricCount, presence } = seen.device
      return { device, metricCount, presence, metrics: value === undefined ? {} : { [name]: { value } } }
    }),
    path
  )
}

export async function wholeDevices(asking: Asking): Promise<void> {
  const expected = (await seenDevices(asking)).map(({ device }) => device)
  const limit = pageLimit(asking)
  asking.same(await asking.walk('devices', limit), expected, 'devices')
}

/** As they were: with the topics that they were known by then. */
export async function devicesThen(asking: Asking): Promise<void> {
  const { oracle } = asking
  const asOf = await oracle.once('devices as of', async () => {
    const all = await oracle.walk('messages?order=asc')
    return all[Math.floor(all.length * 0.7)]!['receivedAt'] as string
  })
  const whole = await oracle.once('whole devices as of', async () => {
    const found: Seen[] = []
    for (const device of await oracle.walk(`devices?asOf=${asOf}`)) {
      const path = `devices/${encoded(device['device'])}/metrics?asOf=${asOf}`
      found.push({ device, metrics: await oracle.walk(path) })
    }
    return found
  })
  // How many there are is told as it is now
  const now = await allMetrics(asking)
  const countOf = (device: string): number => now.get(device)!.filter(({ topic }) => asking.may(topic)).length
  const seen = whole
    .filter(({ device }) => asking.may(device['topic']))
    .map(({ device, metrics }): Seen => {
      const readable = metrics.filter(({ topic }) => asking.may(topic))
      return { device: { ...device, metricCount: countOf(device['device']) }, metrics: readable }
    })
  const path = `devices?asOf=${asOf}`
  asking.same(
    await asking.walk(path, pageLimit(asking)),
    seen.map(({ device }) => device),
    path
  )
  const withValue = `${path}&fields=metrics/temperature/value`
  const valueThen = (one: Seen): Item => {
    const value = valueOf(one, 'temperature')
    return value === undefined ? {} : { temperature: { value } }
  }
  asking.same(
    await asking.walk(withValue, pageLimit(asking)),
    seen.map((one) => ({ device: one.device['device'], metrics: valueThen(one) })),
    withValue
  )
  if (whole.length === 0) return
  const { device } = asking.pick(whole)
  const name = encoded(device['device'])
  const found = seen.find((one) => one.device['device'] === device['device'])
  const one = await asking.get(`devices/${name}?asOf=${asOf}`)
  const absent = await asking.get(`devices/never?asOf=${asOf}`)
  if (found === undefined) asking.same(told(one), told(absent), `${name} ${asOf}`)
  else {
    asking.same(one.body, found.device, `${name} ${asOf}`)
    const metrics = await asking.walk(`devices/${name}/metrics?asOf=${asOf}`, 2)
    asking.same(metrics, found.metrics, `metrics of ${name} ${asOf}`)
  }
}

export async function oneDevice(asking: Asking): Promise<void> {
  const all = await seenDevices(asking)
  const known = all.map(({ device }) => device['device'] as string)
  const name = asking.pick(
    asking.chance(0.5) && known.length > 0 ? known : [...asking.world.devices, 'no-device']
  )
  const seen = all.find(({ device }) => device['device'] === name)
  const headers = asking.pick<Record<string, string>>([{}, { 'if-none-match': '*' }])
  for (const [path, absent] of [
    [`devices/${encoded(name)}`, 'devices/never'],
    [`device?name=${encoded(name)}`, 'device?name=never'],
    [`devices/${encoded(name)}/metrics`, 'devices/never/metrics']
  ] as const) {
    if (seen === undefined) {
      const [answer, missing] = [await asking.get(path, { headers }), await asking.get(absent, { headers })]
      asking.same(told(answer), told(missing), path)
    } else if (path.endsWith('metrics')) asking.same(await asking.walk(path, 2), seen.metrics, path)
    else asking.same((await asking.get(path)).body, seen.device, path)
  }
}

export async function datapoints(asking: Asking): Promise<void> {
  const parts = [
    ...someFilters(asking),
    ...oneOf(asking, 'device', ['a-1', 'b-*', '*', 'lone'], 0.5),
    ...oneOf(asking, 'metric', ['temperature', 'p*'], 0.4),
    ...oneOf(asking, 'order', ['asc', 'desc'])
  ]
  const path = joined('datapoints', parts)
  let expected = (await asking.oracle.walk(path)).filter(({ topic }) => asking.may(topic))
  if (!asking.chance(0.4)) {
    asking.same(await asking.walk(path, asking.pick([5, 50, 1_000])), expected, path)
    return
  }
  const [text, test] = asking.pick(wheres)
  const held = (await seenDevices(asking)).filter(test).map(({ device }) => device['device'])
  expected = expected.filter(({ device }) => held.includes(device))
  const asked = joined('datapoints', [...parts, `where=${encoded(text)}`])
  asking.same(await asking.walk(asked, asking.pick([20, 1_000])), expected, asked)
}

/** A file has what the lists have, in the order of the journal. */
export async function exports(asking: Asking): Promise<void> {
  const what = asking.pick(['datapoints', 'messages'])
  const parts = [
    ...someFilters(asking),
    ...(what === 'datapoints' ? oneOf(asking, 'device', ['a-1', '*-2'], 0.4) : [])
  ]
  const path = joined(`export/${what}`, parts)
  const lines = (text: string): Item[] =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { cursor: _, ...row } = JSON.parse(line) as Item
        return row
      })
  const whole = await asking.oracle.get(path)
  const expected = lines(whole.body).filter(({ topic }) => asking.may(topic))
  const answer = await asking.get(path)
  asking.same(lines(answer.body), expected, path)
  const table = await asking.get(joined(`export/${what}`, [...parts, 'format=csv']))
  asking.same(table.body.trimEnd().split('\r\n').length, expected.length + 1, `${path} as CSV`)
}
