/** Rights and questions at random, of what is in the world and of what is not. */

import fc from 'fast-check'
import type { Grant, Rights } from '../../src/grant.ts'
import type { Asking } from './fuzz-context.ts'
import { encoded } from './fuzz-context.ts'
import type { World } from './world.ts'
import { senders } from './world.ts'

/** A filter that matches the topic, or nearly does. */
const filterOf = (topic: string): fc.Arbitrary<string> => {
  const levels = topic.split('/')
  return fc
    .tuple(
      fc.array(fc.boolean(), { minLength: levels.length, maxLength: levels.length }),
      fc.integer({ min: 0, max: levels.length })
    )
    .map(([wild, rest]) => {
      const named = levels.map((level, index) => (wild[index] ? '+' : level))
      return rest < levels.length ? [...named.slice(0, rest), '#'].join('/') : named.join('/')
    })
}

const fixed = [
  '#',
  '+',
  '+/+',
  '+/#',
  '/#',
  'raw//#',
  '$demo/#',
  '$other/secret',
  'nothing/here',
  'still/#',
  'strict/#',
  'set/#',
  'plant/+/1/#'
]

/** Of what comes by several topics, one. */
const halves = ['plant/#', 'alt/#', 'avail/#', 'gw/g1', 'gw/g3', 'still/#', 'quiet/#', '+/+/2/#', 'strict/#']

const readOnly = (topic: string): Rights => ({ grants: [{ role: 'read', topic }], tenant: null })

export function rightsOf(world: World): fc.Arbitrary<Rights> {
  const topic = fc.constantFrom(...world.topics)
  const role = fc.constantFrom('read' as const, 'read' as const, 'read' as const, 'command' as const)
  const grant: fc.Arbitrary<Grant> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ role, topic }) },
    { weight: 5, arbitrary: fc.record({ role, topic: topic.chain(filterOf) }) },
    { weight: 1, arbitrary: fc.record({ role, topic: fc.constantFrom(...fixed) }) },
    {
      weight: 3,
      arbitrary: fc.record({ role, device: fc.constantFrom(...world.devices, 'no-device') })
    }
  )
  const tenant = fc.constantFrom('acme', 'plant', 'raw', 'caf\u00e9', 'cafe\u0301', '$demo', 'plant/a')
  const random = fc.record({
    grants: fc.array(grant, { maxLength: 5 }).map((grants) => grants.map((one) => ({ ...one }))),
    tenant: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: tenant })
  })
  return fc.oneof(
    { weight: 3, arbitrary: random },
    { weight: 1, arbitrary: fc.constantFrom(...halves).map(readOnly) }
  )
}

/** The same for the same seed. */
export interface Case {
  rights: Rights
  /** Whose: some have sent commands. */
  principal: string
  /** Of the questions. */
  choices: number
}

export const someRights = (world: World, seed: number, numRuns: number): Case[] => {
  const principal = fc.constantFrom(...senders, 'nobody')
  return fc.sample(fc.record({ rights: rightsOf(world), principal, choices: fc.nat() }), { seed, numRuns })
}

export const filters = [
  'plant/#',
  '+/a/#',
  'alt/+/+/temperature',
  'raw/#',
  '$demo/#',
  '#',
  'gw/g1',
  '+/+/1/+',
  'raw'
]

/** `filter=` some, or none. */
export const someFilters = (asking: Asking): string[] =>
  Array.from({ length: asking.below(3) }, () => `filter=${encoded(asking.pick(filters))}`)

export const oneOf = (asking: Asking, name: string, values: readonly string[], share = 0.4): string[] =>
  asking.chance(share) ? [`${name}=${encoded(asking.pick(values))}`] : []

export const joined = (path: string, parts: readonly string[]): string =>
  parts.length === 0 ? path : `${path}?${parts.join('&')}`

export const pageLimit = (asking: Asking): number => asking.pick([3, 10, 40, 1_000])
