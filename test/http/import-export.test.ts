/** What is exported, imported elsewhere and exported again is the same, but for its place in the journal. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ExchangeFormat } from '../../src/history/exchange.ts'
import { exchangeFormats } from '../../src/history/exchange.ts'
import { startBridge } from '../support/bridge.ts'
import { startBroker } from '../support/broker.ts'
import { anyDatapoint } from '../history/any-datapoint.ts'
import { call } from './contract.ts'
import type { Row } from './exports.ts'
import { fetchFile, rowsOf } from './exports.ts'
import { startProjected } from './projected.ts'

const broker = await startBroker()
const source = await startProjected()
const devices = ['press-3', 'a, "b"', '=1\u20281', 'é🏠']
const given = fc.sample(anyDatapoint, process.env['FULL'] === '1' ? 2_000 : 300)
for (const [index, datapoint] of given.entries()) {
  // Few devices and topics, so that they mix, and one message may speak of several
  const device = devices[index % devices.length]!
  const other = { ...datapoint, device: devices[(index + 1) % devices.length]!, metric: 'again' }
  const topic = index % 3 === 0 ? datapoint.topic : 'shared/a'
  await source.project(topic, {
    datapoints: index % 2 === 0 ? [{ ...datapoint, device }, other] : [{ ...datapoint, device }]
  })
}

/** By device, in their order: what is of one device stays in it. */
function byDevice(rows: readonly Row[]): Map<unknown, unknown[]> {
  const found = new Map<unknown, unknown[]>()
  for (const { seq: _seq, n: _n, cursor: _cursor, ...row } of rows)
    found.set(row['device'], [...(found.get(row['device']) ?? []), row])
  return found
}

for (const format of Object.keys(exchangeFormats) as ExchangeFormat[]) {
  test(`as ${format}`, async () => {
    const { bytes } = await fetchFile(`${source.url}/v1/export/datapoints?format=${format}`)
    assert.equal(rowsOf(bytes, format).length, given.length + Math.ceil(given.length / 2))
    const { url } = await startBridge({
      mqttUrl: broker.url,
      limits: { importBatchDatapointsMax: 40, projectionChunkFactsMax: 7 }
    })
    const { status, body } = await call(`${url}/v1/import/datapoints?id=all`, {
      method: 'POST',
      headers: { 'content-type': exchangeFormats[format].mediaType },
      body: new Uint8Array(bytes)
    })
    assert.equal(status, 200, JSON.stringify(body))
    const again = await fetchFile(`${url}/v1/export/datapoints?format=${format}&min-cursor=${body.cursor}`)
    assert.deepEqual(byDevice(rowsOf(again.bytes, format)), byDevice(rowsOf(bytes, format)))
  })
}
