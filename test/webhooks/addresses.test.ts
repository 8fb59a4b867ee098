import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { test } from 'node:test'
import type { Resolve } from '../../src/webhooks/addresses.ts'
import { RefusedUrlError, addressOf, isPublic, publicLookup } from '../../src/webhooks/addresses.ts'

/** IANA's special-purpose registries, and forms of IPv6 that lead to an IPv4 address. */
const refused = [
  '0.0.0.0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '64:ff9b::7f00:1',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::1',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::1',
  '3fff::1',
  '4000::1',
  '5f00::1',
  'fc00::1',
  'fd12:3456:789a::1',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
  'localhost',
  ''
]
const allowed = [
  '1.1.1.1',
  '8.8.8.8',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.167.255.255',
  '223.255.255.255',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e'
]

for (const address of refused) test(`${address} is not public`, () => assert.equal(isPublic(address), false))
for (const address of allowed) test(`${address} is public`, () => assert.equal(isPublic(address), true))

/** What browsers and curl take for 127.0.0.1, or for what is within IPv6. */
for (const [url, address] of [
  ['https://127.1/', '127.0.0.1'],
  ['https://2130706433/', '127.0.0.1'],
  ['https://0x7f.0.0.1/', '127.0.0.1'],
  ['https://0177.0.0.1/', '127.0.0.1'],
  ['https://0x7f000001/', '127.0.0.1'],
  ['https://127.0.0.1./', '127.0.0.1'],
  ['https://①②⑦.⓪.⓪.①/', '127.0.0.1'],
  ['https://0/', '0.0.0.0'],
  ['https://[::ffff:127.0.0.1]/', '::ffff:7f00:1'],
  ['https://[::]/', '::'],
  ['https://[0:0::1]/', '::1'],
  ['https://169.254.43518/', '169.254.169.254']
] as const) {
  test(`${url} is ${address}, and refused`, () => {
    assert.equal(addressOf(new URL(url)), address)
    assert.equal(isPublic(address), false)
  })
}

test('a name is none', () => assert.equal(addressOf(new URL('https://example.com/')), null))

const resolving =
  (...addresses: string[]): Resolve =>
  (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
    )

/** As `connect` asks for one, or for all. */
const look = (resolve: Resolve, all: boolean): Promise<unknown> =>
  new Promise((done, fail) => {
    publicLookup(resolve)('example.com', { all }, (error, found) => (error ? fail(error) : done(found)))
  })

for (const all of [true, false]) {
  test(`of the addresses of a name only public ones are given; all: ${all}`, async () => {
    const found = await look(resolving('127.0.0.1', '8.8.8.8', 'fd00::1', '::1'), all)
    assert.deepEqual(found, all ? [{ address: '8.8.8.8', family: 4 }] : '8.8.8.8')
    await assert.rejects(look(resolving('127.0.0.1', 'fe80::1'), all), RefusedUrlError)
    await assert.rejects(look(resolving(), all), RefusedUrlError)
    const fails: Resolve = (_name, _options, callback) => callback(new Error('no such name'), [])
    await assert.rejects(look(fails, all), /no such name/)
  })
}
