/** The simulated Sparkplug node over a real broker: births, data, a write and what it shows, a rebirth, its death. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { test } from 'node:test'
import { sparkplug as convention } from '../../src/conventions/sparkplug/convention.ts'
import { toValueView } from '../../src/device-views.ts'
import type { DecoderState } from '../../src/normalize/mapping-set.ts'
import { compileText } from '../normalize/mappings.ts'
import { startBroker } from '../support/broker.ts'
import { atEnd } from '../support/cleanup.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient } from '../support/mqtt.ts'
import { sparkplug } from './devices/sparkplug.ts'

/** Between the node and the broker, until the connection breaks. */
async function startWire(brokerPort: number): Promise<{ url: string; cut(): void }> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    const far = connect(brokerPort, '127.0.0.1')
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy()).on('close', () => other.destroy())
      one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => sockets.forEach((socket) => socket.destroy())
  atEnd(() => {
    cut()
    server.close()
  })
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, cut }
}

/** What the service does with messages, without its database: normalizes, remembers, publishes effects. */
async function startHost(url: string): Promise<{
  latest: Map<string, { value: unknown; unit: string | null }>
  presence: Map<string, string>
  states: Map<string, DecoderState>
  rebirths(): number
  write(parameters: Record<string, unknown>): { metric: string; value: unknown } | null
}> {
  const set = compileText('conventions: [sparkplug]')
  const { client } = await connectClient(url)
  const latest = new Map<string, { value: unknown; unit: string | null }>()
  const presence = new Map<string, string>()
  const states = new Map<string, DecoderState>()
  let rebirths = 0
  client.on('message', (topic, payload) => {
    const key = set.match(topic)?.stateKey ?? ''
    const message = {
      seq: 1,
      kind: 'message' as const,
      topic,
      payload,
      properties: null,
      receivedAt: Date.now()
    }
    const { outcome, state } = set.normalize(message, states.get(key) ?? null)
    if (state !== undefined && state !== null) states.set(key, state)
    for (const one of outcome.datapoints)
      latest.set(`${one.device} ${one.metric}`, { value: toValueView(one).value, unit: one.unit })
    for (const one of outcome.presence) presence.set(one.device, one.presence)
    for (const effect of outcome.effects)
      if (effect.kind === 'publish') {
        rebirths++
        client.publish(effect.topic, Buffer.from(effect.payload), { qos: effect.qos })
      }
  })
  await client.subscribeAsync([...sparkplug.filters], { qos: 1 })
  const { commands } = convention.create({
    text: () => null,
    texts: () => [],
    flag: () => true,
    seconds: () => 2,
    file: () => null
  })
  return {
    latest,
    presence,
    states,
    rebirths: () => rebirths,
    write(parameters) {
      const rendered = commands
        .find(({ name }) => name === 'write')!
        .render(
          {
            device: sparkplug.device,
            topic: '',
            captures: {},
            state: [...states.values()].at(-1) ?? null,
            attributes: {},
            id: '',
            now: Date.now()
          },
          parameters
        )
      client.publish(rendered.topic, Buffer.from(rendered.payload), { qos: rendered.qos })
      return rendered.effect
    }
  }
}

test('a node is known, does what it is told, is asked for its births, and dies', async () => {
  const broker = await startBroker()
  const host = await startHost(broker.url)
  const wire = await startWire(broker.port)
  const { end } = await sparkplug.start(wire.url)
  atEnd(() => end().catch(() => {}))
  const told = (metric: string): unknown => host.latest.get(`${sparkplug.device} ${metric}`)?.value
  for (const { metric, value, unit = null } of sparkplug.tells)
    await eventually(
      () => {
        assert.deepEqual(host.latest.get(`${sparkplug.device} ${metric}`), { value, unit })
        return true
      },
      { what: metric }
    )
  assert.equal(host.presence.get(sparkplug.device), sparkplug.presence)
  assert.equal(host.rebirths(), 0)

  const { parameters, shows } = sparkplug.command!
  assert.deepEqual(host.write(parameters), shows)
  await eventually(() => told('Speed') === -750, { what: 'the write' })

  // As a host application that comes later, and knows nothing
  const known = [...host.states]
  const speed = { ...parameters, value: 12 }
  host.write(speed)
  host.states.clear()
  await eventually(() => host.rebirths() === 1, { what: 'the request for births' })
  await eventually(() => told('Speed') === 12, { what: 'the births' })
  assert.deepEqual(
    [...host.states.keys()],
    known.map(([key]) => key)
  )

  wire.cut()
  await eventually(() => host.presence.get(sparkplug.device) === sparkplug.presenceWhenBroken, {
    what: 'its death'
  })
  assert.equal(host.presence.get('Plant/Edge1'), 'offline')
})
