/** docs/import.md is true: its files are imported, as it says. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { defaultLimits } from '../../src/limits.ts'
import { request, startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'

const text = await readFile(new URL('../../docs/import.md', import.meta.url), 'utf8')
const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(([, kind, content]) => ({
  kind,
  content: content!
}))
const blocksOf = (kind: string): string[] =>
  blocks.filter((block) => block.kind === kind).map(({ content }) => content)

const broker = await startBroker()
const { url } = await startBridge({ mqttUrl: broker.url })
const directory = await mkdtemp(join(tmpdir(), 'rialto-import-'))
atEnd(() => rm(directory, { recursive: true, force: true }))

async function valuesOf(cursor: string): Promise<unknown[]> {
  const { body } = await request(`${url}/v1/datapoints?device=attic&order=asc&min-cursor=${cursor}`)
  return body.items.map(({ value, unit, observedAt }: Record<string, unknown>) => [value, unit, observedAt])
}
const once = [
  [12.5, null, '2026-03-13T08:00:00.000Z'],
  [13, 'W', '2026-03-14T08:00:00.000Z']
]

test('the commands, one after another: the second passes over what the first brought', async () => {
  await writeFile(join(directory, 'meters.ndjson'), blocksOf('ndjson')[0]!)
  const skipped: number[] = []
  for (const command of blocksOf('sh')) {
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', command.replaceAll('http://127.0.0.1:3000', url)],
      { cwd: directory }
    )
    const { lines, datapoints, skippedLines, cursor } = JSON.parse(stdout)
    assert.deepEqual([lines, datapoints], [2, 2])
    skipped.push(skippedLines)
    assert.deepEqual(await valuesOf(cursor), once)
  }
  assert.deepEqual(skipped, [0, 2])
})

test('the file of CSV is the same', async () => {
  const { body } = await request(`${url}/v1/import/datapoints?id=csv`, {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: blocksOf('csv')[0]!
  })
  assert.deepEqual(await valuesOf(body.cursor), [once[0], once[0], once[1], once[1]])
})

test('the bounds are those of the code', () => {
  const { importStallMsMax, importRefusedMsMax, importLeaseMs, importsMax } = defaultLimits
  const { importLineBytesMax, importBatchDatapointsMax, nameBytesMax, clockAheadSecondsMax } = defaultLimits
  assert.deepEqual(
    [importStallMsMax, importRefusedMsMax, importLeaseMs, importsMax],
    [60_000, 10_000, 10_000, 4]
  )
  assert.deepEqual(
    [importLineBytesMax, importBatchDatapointsMax, nameBytesMax, clockAheadSecondsMax],
    [2 * 1024 * 1024, 2_000, 1_024, 3_600]
  )
})
