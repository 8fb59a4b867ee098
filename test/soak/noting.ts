/** Figures of the soak: what clients were answered, what of the messages came, and what processes took. */

import { topicOf } from '../faults/publisher.ts'
import type { Publisher } from '../faults/publisher.ts'
import type { World } from '../faults/world.ts'
import { query } from '../support/database.ts'
import { fleetFigures } from './fleet.ts'
import type { Load } from './load.ts'
import type { SoakDetails } from './soak.ts'

export function noteAnswers(world: World, { readers, followers, rotation }: Load, faults: string[]): void {
  const all = [...Object.values(readers.answers), ...followers.map(({ answers }) => answers)]
  const sum = (pick: (of: (typeof all)[number]) => number): number =>
    all.reduce((total, of) => total + pick(of), 0)
  world.note(
    'reads',
    Object.values(readers.answers).reduce((total, { good }) => total + good, 0)
  )
  world.note(
    'answersWrong',
    sum(({ wrong }) => wrong.length)
  )
  world.note(
    'answersUnavailable',
    sum(({ unavailable }) => unavailable)
  )
  world.note(
    'goodKeysRefused',
    sum(({ refused }) => refused)
  )
  world.note('keysRotated', rotation.rotations)
  world.note('endedKeysGood', rotation.goodTooLong)
  faults.push(...all.flatMap(({ wrong }) => wrong))
}

export async function noteMessages(
  world: World,
  { publishers, fleet }: Load,
  url: string,
  faults: string[]
): Promise<void> {
  for (const [index, { root }] of publishers.entries()) {
    const [row] = await query<{ stored: string; different: string }>(
      url,
      `select count(*) as stored, count(distinct substr(j.payload, 1, 10)) as different
       from journal j join topics t on t.id = j.topic_id where t.name like $1 and j.kind = 1`,
      [`${root}/%`]
    )
    world.note(`storedAtQos${index + 1}`, Number(row!.stored))
    world.note(`repeatedAtQos${index + 1}`, Number(row!.stored) - Number(row!.different))
  }
  // At QoS 1 they are allowed
  faults.push(...(await repetitions(url, publishers[1]!.root)))
  const { stored, repeated } = await fleetFigures(url)
  world.note('publishedAtQos0', fleet.published)
  world.note('storedAtQos0', stored)
  world.note('repeatedAtQos0', repeated)
}

/** Of a publisher, whose messages come in the order in which it sent them. */
export async function isLastStored(url: string, { root, topics, owed }: Publisher): Promise<boolean> {
  const last = [...owed].at(-1)
  if (last === undefined) return true
  const [state] = await query<{ number: string }>(
    url,
    `select convert_from(substr(s.payload, 1, 10), 'UTF8') as number
     from topic_state s join topics t on t.id = s.topic_id where t.name = $1`,
    [topicOf(last, topics, root)]
  )
  return Number(state?.number ?? -1) >= last
}

/** Of messages that are stored more than once, how each was received, in words. */
async function repetitions(url: string, root: string): Promise<string[]> {
  const rows = await query<{ number: string; times: string }>(
    url,
    `select substr(j.payload, 1, 10)::text as number, json_agg(json_build_object('seq', j.seq, 'receivedAt', j.received_at,
       'packetId', j.packet_id, 'dup', j.dup, 'session', j.session_id) order by j.seq)::text as times
     from journal j join topics t on t.id = j.topic_id where t.name like $1 and j.kind = 1
     group by substr(j.payload, 1, 10) having count(*) > 1`,
    [`${root}/%`]
  )
  return rows.map(({ times }) => `${root}: stored more than once: ${times}`)
}

export function noteResources(world: World, { memory, rests, strikes }: SoakDetails): void {
  const all = rests.map(({ lasting }) => lasting)
  const others = all.map(({ descriptors, toPostgres, toBroker }) => descriptors - toPostgres - toBroker)
  world.note('descriptorsBand', Math.max(...others) - Math.min(...others))
  world.note('connectionsToPostgres', Math.max(...all.map(({ toPostgres }) => toPostgres)))
  world.note('connectionsToBroker', Math.max(...all.map(({ toBroker }) => toBroker)))
  world.note('kilobytesPerMinute', memory.megabytesPerMinute * 1_024)
  world.note(
    'strikes',
    Object.values(strikes).reduce((total, times) => total + times, 0)
  )
}
