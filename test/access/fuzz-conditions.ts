/** Conditions and waiting tell nothing of what may not be read; and what is told of permissions is what is so. */

import { allowed, allowedDevice, matches } from './grants-model.ts'
import type { Asking, Item } from './fuzz-context.ts'
import { encoded } from './fuzz-context.ts'
import { filters } from './fuzz-asks.ts'
import { told } from './fuzz-topics.ts'

/** Asked with the version that an administrator has, and on condition of any. */
export async function conditions(asking: Asking): Promise<void> {
  const { oracle, world } = asking
  const ofTopic = asking.chance(0.6)
  const name = asking.pick(ofTopic ? world.topics : world.devices)
  const kind = ofTopic ? 'topic' : 'device'
  const suffix = ofTopic ? asking.pick(['', '/payload']) : ''
  const path = `${kind}${suffix}?name=${encoded(name)}`
  const whole = await oracle.get(path)
  const etag = whole.headers.get('etag')!
  const topic = ofTopic ? name : ((await oracle.get(`device?name=${encoded(name)}`)).body.topic as string)
  const headers = asking.pick<Record<string, string>>([
    { 'if-none-match': etag },
    { 'if-none-match': `"x", ${etag}` },
    { 'if-none-match': etag, prefer: 'wait=0' },
    // Nobody waits for what is not there
    ...(asking.may(topic) ? [] : [{ 'if-none-match': etag, prefer: 'wait=30' }])
  ])
  const answer = await asking.get(path, { headers })
  if (!asking.may(topic)) {
    const missing = await asking.get(`${kind}${suffix}?name=never`, { headers })
    asking.same(told(answer), told(missing), `${path} ${JSON.stringify(headers)}`)
    asking.same(answer.status, 404, path)
  } else if (ofTopic && whole.status === 200)
    asking.same(answer.status, 304, `${path} ${JSON.stringify(headers)}`)
  // The list of another has another version, unless it is the same
  const list = asking.pick(['topics', 'devices', 'messages', 'datapoints', 'commands'])
  const theirs = await oracle.get(list)
  const mine = await asking.get(list)
  const is304 =
    (await asking.get(list, { headers: { 'if-none-match': theirs.headers.get('etag')! } })).status === 304
  asking.same(
    is304,
    JSON.stringify(mine.body.items) === JSON.stringify(theirs.body.items),
    `whether ${list} is new`
  )
  const again = await asking.get(list, { headers: { 'if-none-match': mine.headers.get('etag')! } })
  asking.same(again.status, 304, `${list} again`)
}

export async function permissions(asking: Asking): Promise<void> {
  const { rights, world } = asking
  type Ask = { action: 'read' | 'command'; topic?: string; filter?: string; device?: string }
  const checks = Array.from({ length: 12 }, (): Ask => {
    const action = asking.pick(['read', 'command'] as const)
    return asking.pick([
      { action, topic: asking.pick([...world.topics, 'never/there', '$never']) },
      { action, filter: asking.pick([...filters, ...world.topics]) },
      { action, device: asking.pick([...world.devices, 'no-device']) }
    ])
  })
  const { status, body } = await asking.get('permissions/check', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ checks: [...checks, { action: 'administer' }] })
  })
  asking.same([status, body.principal, body.tenant], [200, asking.principal, rights.tenant], 'permissions')
  asking.same(body.grants, rights.grants, 'grants')
  const may = (action: 'read' | 'command', topic: string): boolean =>
    allowed(rights, action, topic, world.sourcesOf)
  for (const [index, ask] of checks.entries()) {
    const { allowed: told } = (body.checks as Item[])[index]!
    const what = `permissions: ${JSON.stringify(ask)} is ${told}`
    if (ask.topic !== undefined) asking.same(told, may(ask.action, ask.topic) ? 'all' : 'none', what)
    else if (ask.filter !== undefined) {
      const { filter } = ask
      const known = world.topics.filter((topic) => matches(filter, topic))
      const granted = known.filter((topic) => may(ask.action, topic))
      if (told === 'all') asking.same(granted, known, what)
      if (told === 'none') asking.same(granted, [], what)
    } else {
      const within = rights.tenant ?? 'any'
      const granted = allowedDevice(rights, ask.action, ask.device!, within)
      asking.same(told, granted ? (rights.tenant === null ? 'all' : 'some') : 'none', what)
    }
  }
  asking.same(body.checks.at(-1).allowed, 'none', 'permissions to administer')
}
