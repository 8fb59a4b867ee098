/** Who sees a command, and who may send, cancel and repeat it: by its topic, by the device it was sent to, or one's own. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { as, authenticatorOf, createHolders } from '../support/holders.ts'
import { newCommand } from '../support/new-command.ts'
import { openSse } from '../support/sse.ts'
import { call } from './contract.ts'
import { startServer } from './server.ts'

const holders = createHolders()
holders.give('of-topic', ['read:topic:plant/+/set', 'command:topic:plant/+/set'])
holders.give('of-device', ['read:device:pump', 'command:device:pump'])
holders.give('of-tenant', ['read:device:pump', 'command:device:pump'], 'other')
holders.give('sender', ['command:topic:plant/pump/set'])
holders.give('nobody', ['read:topic:plant/+', 'command:device:press'])
const { url, store, parts } = await startServer({ parts: { authenticator: authenticatorOf(holders) } })

async function accept(more: Parameters<typeof newCommand>[1] = {}): Promise<string> {
  const command = newCommand('plant/pump/set', { device: 'pump', name: 'set', principal: 'sender', ...more })
  const { seq } = await store.commands.accept([command], null)
  parts.feed.hint(seq)
  return command.id
}

const see = { 'of-topic': true, 'of-device': true, 'of-tenant': false, sender: true, nobody: false }

for (const [principal, sees] of Object.entries(see))
  test(`${principal} ${sees ? 'sees' : 'does not see'} a command to a device, by id, in the list and as it moves`, async () => {
    const stream = await openSse(`${url}/v1/stream?types=command,message`, as(principal))
    const id = await accept()
    const one = await call(`${url}/v1/commands/${id}`, { headers: as(principal) })
    assert.equal(one.status, sees ? 200 : 404)
    const { body } = await call(`${url}/v1/commands`, { headers: as(principal) })
    assert.equal(
      body.items.some((item: { id: string }) => item.id === id),
      sees
    )
    // One of its own that everybody sees comes behind it
    const last = await accept({ principal, device: null, topic: 'own' })
    const own = await stream.find('command', (data) => data.command.id === last)
    assert.equal(
      stream.events.some(({ data }) => data.command?.id === id),
      sees
    )
    assert.ok(own)
    stream.close()
  })

test('a command to a topic is not seen because of the name of a device', async () => {
  const id = await accept({ device: null, name: null, principal: 'somebody' })
  assert.equal((await call(`${url}/v1/commands/${id}`, { headers: as('of-device') })).status, 404)
  assert.equal((await call(`${url}/v1/commands/${id}`, { headers: as('of-topic') })).status, 200)
})

test('who may send a command may cancel and repeat it; for anybody else there is none', async () => {
  for (const [principal, may] of Object.entries({ ...see, nobody: false }))
    for (const ask of ['cancel', 'retry']) {
      const id = await accept({ awaits: 'none', device: ask === 'retry' ? null : 'pump', name: 'set' })
      const may2 = ask === 'retry' && principal === 'of-device' ? false : may
      const answer = await call(`${url}/v1/commands/${id}/${ask}`, { method: 'POST', headers: as(principal) })
      // It is not final yet, so who may repeat it is told to wait
      const expected = !may2 ? 404 : ask === 'cancel' ? 200 : 409
      assert.equal(answer.status, expected, `${principal} ${ask} ${JSON.stringify(answer.body)}`)
    }
})

test('to a topic that may not be published to nothing is sent, whether it is there or not', async () => {
  const details = new Set<string>()
  for (const topic of ['plant/pump/get', 'never/was', '$SYS/x'])
    for (const principal of ['of-topic', 'of-device', 'sender', 'nobody']) {
      const answer = await call(`${url}/v1/commands`, {
        method: 'POST',
        headers: { ...as(principal), 'content-type': 'application/json' },
        body: JSON.stringify({ topic, payload: 1 })
      })
      if (topic.startsWith('$')) assert.equal(answer.body.code, 'invalid_topic')
      else
        assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'], JSON.stringify(answer.body))
      if (answer.status === 403) details.add(answer.body.detail)
    }
  assert.equal(details.size, 1)
})
