/** Commands while the broker is away: accepted, kept, published when it comes back; or never, where their time has passed. */

import { request } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import type { Deed } from './commanded-device.ts'
import { startCommandedDevice } from './commanded-device.ts'
import { sized, story } from './story.ts'

const promise = { notPublished: 0, notExpired: 0, heardTooLate: 0, actedTwice: 0 }

story('commands while the broker is away', { id: 'F31', promise }, async (world) => {
  const broker = await world.mosquitto()
  const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos: 1 })
  await rialto.start()
  const device = await startCommandedDevice(broker.url)
  let number = 0
  const post = async (terms: object): Promise<string> => {
    const payload = { number: number++, does: 'nothing' satisfies Deed }
    const answer = await request(`${rialto.url}/v1/commands`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ topic: `plant/unit-${number % 5}/do`, payload, ...terms })
    })
    if (answer.status !== 202) throw new Error(`answered with ${answer.status}`)
    return answer.body.id as string
  }
  const stateOf = async (id: string): Promise<string> =>
    (await request(`${rialto.url}/v1/commands/${id}`)).body.state
  const reach = async (ids: string[], state: string): Promise<number> => {
    let others = ids
    await eventually(
      async () => {
        const states = await Promise.all(others.map(stateOf))
        others = others.filter((_, index) => states[index] !== state)
        return others.length === 0
      },
      { withinMs: 60_000, everyMs: 100 }
    ).catch(() => {})
    return others.length
  }

  for (let time = 0; time < sized(10, 2); time++) {
    await broker.save()
    await broker.kill()
    const kept: string[] = []
    const passing: string[] = []
    for (let index = 0; index < 40; index++) {
      kept.push(await post(index % 2 === 0 ? {} : { delivery: 'atMostOnce' }))
      passing.push(await post({ expiresInSeconds: 1 }))
    }
    world.note('notExpired', await reach(passing, 'expired'))
    await broker.start()
    world.note('notPublished', await reach(kept, 'published'))
    await eventually(() => kept.every((id) => device.heard.has(id)), { what: 'all have come to the device' })
    world.note('heardTooLate', passing.filter((id) => device.heard.has(id)).length)
  }
  world.note('actedTwice', [...device.actions.values()].filter((times) => times > 1).length)
  world.note('commands', number)
})
