/** Topics, messages, rejections, gaps, commands: what is of one topic each. */

import type { Asking, Item } from './fuzz-context.ts'
import { encoded } from './fuzz-context.ts'
import { allowedDevice } from './grants-model.ts'
import { joined, oneOf, pageLimit, someFilters } from './fuzz-asks.ts'

const readable = (asking: Asking, items: readonly Item[]): Item[] =>
  items.filter(({ topic }) => asking.may(topic))

async function sameList(asking: Asking, path: string, limit = pageLimit(asking)): Promise<void> {
  const expected = readable(asking, await asking.oracle.walk(path))
  asking.same(await asking.walk(path, limit), expected, path)
}

const anInstant = ({ oracle }: Asking): Promise<string> =>
  oracle.once('an instant', async () => new Date(Date.now() - 1).toISOString())

export async function topics(asking: Asking): Promise<void> {
  const asOf = await anInstant(asking)
  const path = joined('topics', [
    ...someFilters(asking),
    ...oneOf(asking, 'where', [
      'gt(payload/temperature,2)',
      'exists(retained/seq)',
      'prefix(topic,"raw")',
      'not(exists(payload/v))'
    ]),
    ...(asking.chance(0.5)
      ? oneOf(asking, 'sort', ['topic', '-payload/temperature', '-receivedAt', 'payload/v'], 1)
      : oneOf(asking, 'order', ['asc', 'desc'])),
    ...oneOf(asking, 'state', ['retained', 'tombstone'], 0.2),
    ...oneOf(asking, 'fields', ['payload/temperature', 'receivedAt,topicId'], 0.2),
    ...(asking.chance(0.2) ? [`asOf=${asOf}`] : [])
  ])
  await sameList(asking, path)
}

/** One that may not be read is as one that is not there, whatever is asked of it. */
export async function oneTopic(asking: Asking): Promise<void> {
  const name = asking.pick([...asking.world.topics, 'no/such/topic', 'plant/a/1', '$SYS/x'])
  const known = await asking.oracle.walk('topics')
  const id = known.find(({ topic }) => topic === name)?.['topicId'] ?? '99999999'
  const suffix = asking.pick(['', '', '/payload'])
  const conditions = asking.pick<Record<string, string>>([{}, {}, { 'if-none-match': '*' }])
  const method = asking.pick(['GET', 'GET', 'HEAD'])
  const ways: Array<[path: string, absent: string]> = [
    [`topics/${encoded(name)}${suffix}`, `topics/${encoded('never/there')}${suffix}`],
    [`topic${suffix}?name=${encoded(name)}`, `topic${suffix}?name=${encoded('never/there')}`],
    [`topics/by-id/${id}${suffix}`, `topics/by-id/99999998${suffix}`]
  ]
  const then = asking.chance(0.3) ? `asOf=${await anInstant(asking)}` : null
  const [path, absent] = asking
    .pick(ways)
    .map((way) => (then === null ? way : `${way}${way.includes('?') ? '&' : '?'}${then}`)) as [string, string]
  const answer = await asking.get(path, { method, headers: conditions })
  if (known.some(({ topic }) => topic === name) && asking.may(name)) {
    if (method === 'GET' && !('if-none-match' in conditions)) {
      const expected = await asking.oracle.get(path)
      asking.same([answer.status, answer.body], [200, expected.body], path)
    }
    return
  }
  const missing = await asking.get(absent, { method, headers: conditions })
  asking.same(told(answer), told(missing), path)
  asking.same(answer.status, 404, path)
}

/** All of an answer but what each has of its own. */
export const told = ({ status, headers, body }: { status: number; headers: Headers; body: unknown }) => [
  status,
  [...headers].filter(([name]) => !['date', 'content-length'].includes(name) && !name.endsWith('id')),
  typeof body === 'object' && body !== null
    ? Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'instance'))
    : body
]

export async function messages(asking: Asking): Promise<void> {
  const half = await asking.oracle.once('half', async () => {
    const all = await asking.oracle.walk('messages?order=asc')
    return all[Math.floor(all.length / 2)]!['receivedAt'] as string
  })
  const path = joined('messages', [
    ...someFilters(asking),
    ...oneOf(asking, 'device', ['a-1', 'b-*', 'lone', '*'], 0.3),
    ...(asking.chance(0.3) ? [`${asking.pick(['from', 'to'])}=${half}`] : []),
    ...(asking.chance(0.2) ? ['after=earliest'] : oneOf(asking, 'order', ['asc', 'desc']))
  ])
  await sameList(asking, path, asking.pick([50, 200, 1_000]))
}

export async function rejections(asking: Asking): Promise<void> {
  const path = joined('rejections', [
    ...someFilters(asking),
    ...oneOf(asking, 'order', ['asc', 'desc']),
    ...oneOf(asking, 'reason', ['not_a_number'], 0.2)
  ])
  await sameList(asking, path)
  const counts = new Map<string, number>()
  for (const { mapping, reason } of readable(asking, await asking.oracle.walk('rejections')))
    counts.set(`${mapping} ${reason}`, (counts.get(`${mapping} ${reason}`) ?? 0) + 1)
  const { body } = await asking.get('rejections/counts')
  const found = body.items.map(({ mapping, reason, count }: Item) => [`${mapping} ${reason}`, count])
  asking.same(new Map(found), counts, 'rejections/counts')
}

export async function gaps(asking: Asking): Promise<void> {
  asking.same(await asking.walk('gaps', 10), await asking.oracle.walk('gaps'), 'gaps')
}

/** What a command was answered is a message, too. */
export function seenCommand(asking: Asking, command: Item): Item {
  const seen = (message: Item | null): Item | null =>
    message !== null &&
    (message['topic'].includes(`/responses/${command['id']}`) || asking.may(message['topic']))
      ? message
      : null
  return { ...command, response: seen(command['response']), lateResponse: seen(command['lateResponse']) }
}

export const maySee = (asking: Asking, { topic, device, principal }: Item): boolean =>
  asking.may(topic) ||
  principal === asking.principal ||
  (device !== null && allowedDevice(asking.rights, 'read', device, topic))

export async function commands(asking: Asking): Promise<void> {
  const all = await asking.oracle.walk('commands')
  const path = joined('commands', [
    ...oneOf(asking, 'device', ['a-1', 'c-3', 'lone'], 0.3),
    ...oneOf(asking, 'state', ['succeeded', 'timedOut', 'published'], 0.3),
    ...oneOf(asking, 'order', ['asc', 'desc'])
  ])
  const expected = (await asking.oracle.walk(path)).filter((one) => maySee(asking, one))
  asking.same(
    await asking.walk(path, pageLimit(asking)),
    expected.map((one) => seenCommand(asking, one)),
    path
  )
  const one = asking.pick(all)
  const answer = await asking.get(`commands/${one['id']}`)
  if (maySee(asking, one)) {
    const { body } = await asking.oracle.get(`commands/${one['id']}`)
    asking.same(answer.body, seenCommand(asking, body), 'a command')
  } else asking.same(told(answer), told(await asking.get(`commands/${absentId}`)), 'a command')
}

export const absentId = '00000000-0000-4000-8000-000000000000'

/** Batches, imports and webhooks are of who asked for them, and the rest is for administrators, there or not. */
export async function ofOthers(asking: Asking): Promise<void> {
  const { oracle, principal } = asking
  for (const list of ['imports', 'webhooks']) asking.same((await asking.get(list)).body.items, [], list)
  const batches = await oracle.walk('batches')
  const own = batches.filter((batch) => batch['principal'] === principal)
  asking.same(await asking.walk('batches', 2), own, 'batches')
  const { id, principal: whose } = asking.pick(batches)
  if (whose === principal) {
    const expected = (await oracle.walk(`batches/${id}/outcomes`)).map((outcome) =>
      outcome['command'] === null
        ? outcome
        : { ...outcome, command: seenCommand(asking, outcome['command'] as Item) }
    )
    asking.same(await asking.walk(`batches/${id}/outcomes`, 3), expected, 'outcomes of a batch')
  } else
    for (const more of ['', '/outcomes'])
      asking.same(
        told(await asking.get(`batches/${id}${more}`)),
        told(await asking.get(`batches/${absentId}${more}`)),
        `a batch${more}`
      )
  const [webhook] = (await oracle.get('webhooks')).body.items
  for (const [path, absent] of [
    ['imports/meters', 'imports/never'],
    [`webhooks/${webhook.id}`, `webhooks/${absentId}`]
  ] as const)
    asking.same(told(await asking.get(path)), told(await asking.get(absent)), path)
  const path = asking.pick([
    'audit',
    'export/audit',
    'keys',
    `keys/${asking.world.key}`,
    'keys/000000000000',
    'redrives',
    'mappings',
    'retention'
  ])
  const { status, body } = await asking.get(path)
  asking.same([status, body.code], [403, 'forbidden'], path)
}
