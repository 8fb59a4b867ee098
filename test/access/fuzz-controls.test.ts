/** The fuzz of rights notices each check that is taken away; of those that no answer of a read tells, this says why. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOracle } from './fuzz-context.ts'
import { someRights } from './fuzz-asks.ts'
import { reads, runFuzz } from './fuzz-reads.ts'
import type { Mutant } from './mutants.ts'
import { findChecks, startWithout } from './mutants.ts'
import { startWorld } from './world.ts'

const full = process.env['FULL'] === '1'
const only = process.env['FUZZ_CHECKS']

/** Surfaces that show it, by the first file that fits. */
const shownBy: Array<[file: RegExp, surfaces: string[]]> = [
  [/^visibility/, ['commands', 'ofOthers', 'streams']],
  [/^feed/, ['streams', 'states']],
  [/export/, ['exports']],
  [/explain|preview|projection\/service/, ['explain', 'previews']],
  [/nested/, ['graphql']],
  [/as-of/, ['devicesThen', 'topics', 'oneTopic']],
  [/history/, ['history', 'graphql']],
  [/journal/, ['messages']],
  [/merge/, ['datapoints', 'graphql']],
  [/command|batches/, ['commands', 'ofOthers']],
  [/rejections/, ['rejections']],
  [/states/, ['topics', 'oneTopic', 'graphql', 'states', 'streams', 'explain']],
  [/devices|projected-rows/, ['devices', 'wholeDevices', 'oneDevice', 'datapoints', 'graphql']]
]

/** Why no read tells, by file. */
const untold: Record<string, string> = {
  'http/watch-facts.ts': 'whoever is woken looks again, and sees what he may',
  'http/export-rows.ts': 'rows are asked for twice: where they are read, and where they are written',
  'store/export.ts': 'the same',
  'commands/requests.ts': 'of writes: fuzz-writes.test.ts',
  'projection/address.ts': 'the same',
  'projection/service.ts': 'of what is forgotten, which is for administrators',
  'store/as-of.ts 0': 'a device is asked for twice, before and after it is read',
  'store/as-of.ts 2': 'the same',
  'store/devices.ts 0': 'of a list that no surface reads: test/store/projected-reads.test.ts',
  'store/states.ts 1':
    'asked for by names of facts that were looked at before, and by the effects of commands',
  'store/batches.ts': 'of outcomes of a batch of their own: test/store/batches.test.ts',
  'store/chosen-devices.ts': 'of writes: fuzz-writes.test.ts'
}

test('without any one check, the fuzz finds a fault', { skip: !full }, async () => {
  const world = await startWorld()
  const oracle = createOracle(world)
  const runOn = async ({ url, stop }: Mutant, surfaces: string[], grants: number) => {
    const result = await runFuzz(oracle, url, someRights(world, 7, grants), { surfaces })
    await stop()
    return result
  }
  const survivors: string[] = []
  // What is another instance is no fault by itself
  assert.deepEqual((await runOn(await startWithout(null, world), Object.keys(reads), 5)).faults, [])
  for (const check of await findChecks()) {
    const name = `${check.file} ${check.index}: ${check.text}`
    if (only !== undefined && !new RegExp(only).test(name)) continue
    if (untold[check.file] !== undefined || untold[`${check.file} ${check.index}`] !== undefined) continue
    const surfaces = shownBy.find(([file]) => file.test(check.file))?.[1] ?? Object.keys(reads)
    const { faults } = await runOn(await startWithout(check, world), surfaces, 250)
    console.error(`${name} -> ${faults[0]?.split('\n')[0]?.slice(0, 150) ?? 'NOTHING'}`)
    if (faults.length === 0) survivors.push(name)
  }
  assert.deepEqual(survivors, [])
})
