import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toPayloadHeaders } from '../../src/http/payload-headers.ts'

const json = 'application/json; charset=utf-8'
const text = 'text/plain; charset=utf-8'
const bytes = 'application/octet-stream'

for (const [payload, contentType, expected] of [
  ['{"a":1}', undefined, json],
  ['21.5', undefined, json],
  ['on', undefined, text],
  ['<script>alert(1)</script>', undefined, text],
  ['<script>alert(1)</script>', 'text/html', bytes],
  ['<script>alert(1)</script>', 'TEXT/HTML; charset=utf-8', bytes],
  ['<svg onload="alert(1)"/>', 'image/svg+xml', bytes],
  ['alert(1)', 'text/javascript', bytes],
  ['alert(1)', 'application/javascript', bytes],
  ['<x/>', 'application/xhtml+xml', bytes],
  ['{"a":1}', 'application/json', json],
  ['{"a":', 'application/json', text],
  ['{"a":1}', 'text/plain; charset=latin1', text],
  ['on', '\r\nset-cookie: a=b', bytes],
  [Buffer.from([0xff, 0xfe]), 'text/plain', bytes],
  [Buffer.from([0xff, 0xfe]), undefined, bytes],
  ['', undefined, bytes]
] as const) {
  test(`${JSON.stringify(payload)} published as ${contentType} is given as ${expected}`, () => {
    const properties = contentType === undefined ? null : { contentType }
    const headers = toPayloadHeaders({ payload: Buffer.from(payload), properties })
    assert.equal(headers['content-type'], expected)
    assert.equal(headers['content-disposition'], expected === bytes ? 'attachment' : undefined)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.match(headers['content-security-policy']!, /^sandbox;/)
  })
}
