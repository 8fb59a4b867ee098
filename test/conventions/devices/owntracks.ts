/** A phone with OwnTracks that encrypts what it says: retained locations, a will, and remote commands. */

import { randomBytes } from 'node:crypto'
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js'
import { connectDevice } from './connect.ts'
import type { SimulatedDevice } from './device.ts'

const topic = 'owntracks/mia/pixel'
const secret = 'correct horse'

const key = new Uint8Array(32)
key.set(Buffer.from(secret))

function encrypt(message: object): string {
  const nonce = Uint8Array.from(randomBytes(24))
  const box = xsalsa20poly1305(key, nonce).encrypt(Uint8Array.from(Buffer.from(JSON.stringify(message))))
  return JSON.stringify({ _type: 'encrypted', data: Buffer.concat([nonce, box]).toString('base64') })
}

function decrypt(payload: Buffer): { _type?: unknown; action?: unknown } | null {
  const { _type, data } = JSON.parse(payload.toString()) as { _type: string; data: string }
  if (_type !== 'encrypted') return null
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  const plain = xsalsa20poly1305(key, bytes.subarray(0, 24)).decrypt(bytes.subarray(24))
  return JSON.parse(Buffer.from(plain).toString()) as { _type?: unknown; action?: unknown }
}

const now = (): number => Math.floor(Date.now() / 1_000)

export const ownTracks: SimulatedDevice = {
  convention: 'owntracks',
  options: { keys: './owntracks.keys' },
  files: { './owntracks.keys': Buffer.from(`mia/pixel: ${secret}\n`) },
  filters: ['owntracks/#'],
  device: 'mia/pixel',
  async start(brokerUrl) {
    const client = await connectDevice(brokerUrl, {
      protocolVersion: 4,
      clientId: 'mia-pixel',
      clean: false,
      reconnectPeriod: 0,
      will: { topic, payload: Buffer.from(encrypt({ _type: 'lwt', tst: now() })), qos: 1, retain: false }
    })
    const locate = (trigger: string): Promise<unknown> => {
      const location = { _type: 'location', tst: now(), lat: 48.2, lon: 16.4, acc: 12, batt: 77, vel: 4 }
      return client.publishAsync(topic, encrypt({ ...location, t: trigger, tid: 'mp' }), {
        qos: 1,
        retain: true
      })
    }
    client.on('message', (_, payload) => {
      const message = decrypt(payload)
      if (message?._type !== 'cmd') return
      if (message.action === 'reportLocation') void locate('r')
      // It has no counter
      if (message.action === 'reportSteps')
        void client.publishAsync(`${topic}/step`, encrypt({ _type: 'steps', tst: now(), steps: -1 }), {
          qos: 1
        })
    })
    await client.subscribeAsync(`${topic}/cmd`, { qos: 1 })
    await locate('u')
    return { end: () => client.endAsync(true) }
  },
  tells: [
    { metric: 'lat', value: 48.2, unit: '°' },
    { metric: 'lon', value: 16.4, unit: '°' },
    { metric: 'batt', value: 77, unit: '%' },
    { metric: 'vel', value: 4, unit: 'km/h' },
    { metric: 't', value: 'u' }
  ],
  presence: 'online',
  presenceWhenBroken: 'offline',
  command: { name: 'reportLocation', parameters: {}, shows: { metric: 't', value: 'r' } },
  refuses: { name: 'reportSteps', parameters: {}, reason: /does not count steps/ },
  ignores: { name: 'dump', parameters: {} }
}
