/** Whatever somebody is granted, every surface answers what it answers an administrator, without what may not be read. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOracle } from './fuzz-context.ts'
import { someRights } from './fuzz-asks.ts'
import { reads, runFuzz } from './fuzz-reads.ts'
import { startWorld } from './world.ts'

const full = process.env['FULL'] === '1'
const seed = Number(process.env['FUZZ_SEED'] ?? (full ? Date.now() % 1_000_000 : 20_261_130))
const only = process.env['FUZZ_SURFACES']
const grants = Number(process.env['FUZZ_GRANTS'] ?? (full ? 1_000 : 25))

test('reads are those of an administrator, without what may not be read', async (t) => {
  const world = await startWorld()
  t.diagnostic(`seed ${seed}, ${grants} grants, ${Object.keys(reads).length} surfaces`)
  const { faults, asked, told } = await runFuzz(
    createOracle(world),
    world.url,
    someRights(world, seed, grants),
    {
      all: process.env['FUZZ_ALL'] === '1',
      ...(only !== undefined && { surfaces: only.split(',') })
    }
  )
  t.diagnostic(`${asked} requests, of which ${told} told something`)
  assert.equal(faults.length, 0, faults.join('\n\n'))
  // Who may read nothing learns nothing; what proves nothing is no test
  assert.ok(told > asked / 10, `${told} of ${asked} answers told something`)
})
