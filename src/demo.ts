/**
 * A simulated fleet for `npm start -- --demo`: thermostats that publish believable telemetry, keep their state retained
 * and answer commands. It speaks to the broker like any device; the service knows nothing of it.
 */

import mqtt from 'mqtt'
import type { MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import type { Broker } from './model.ts'

export interface Demo {
  stop(): Promise<void>
}

const rooms = ['lobby', 'kitchen', 'office', 'lab', 'archive', 'workshop']
const publishEveryMs = 2_000

interface Thermostat {
  room: string
  temperature: number
  target: number
  heating: boolean
}

export async function startDemo({ broker, log }: { broker: Broker; log: Logger }): Promise<Demo> {
  const fleet = rooms.map((room): Thermostat => ({
    room,
    temperature: 18 + Math.random() * 4,
    target: 21,
    heating: false
  }))
  const { url, ...credentials } = broker
  const client = await mqtt.connectAsync(url, {
    ...credentials,
    clientId: `rialto-demo-${process.pid}`,
    protocolVersion: 5,
    will: { topic: 'demo/status', payload: Buffer.from('offline'), qos: 1, retain: true }
  })
  client.on('error', (error) => log.debug({ err: error }, 'Demo fleet'))
  client.on('message', (topic, payload) => {
    const device = fleet.find(({ room }) => topic === `demo/${room}/target/set`)
    if (device !== undefined) setTarget(client, device, payload.toString())
  })
  await client.subscribeAsync('demo/+/target/set', { qos: 1 })
  await client.publishAsync('demo/status', 'online', { qos: 1, retain: true })
  for (const device of fleet) publishState(client, device)
  const timer = setInterval(() => {
    for (const device of fleet) {
      step(device)
      publishTelemetry(client, device)
    }
  }, publishEveryMs)
  log.info(
    { devices: fleet.length },
    'Demo fleet is publishing under demo/; set a target with a command to demo/lab/target/set'
  )
  return {
    async stop() {
      clearInterval(timer)
      await client.publishAsync('demo/status', 'offline', { qos: 1, retain: true })
      await client.endAsync()
    }
  }
}

/** Warms while heating, cools otherwise, with a little noise; the thermostat has half a degree of hysteresis. */
function step(device: Thermostat): void {
  device.temperature += (device.heating ? 0.12 : -0.08) + (Math.random() - 0.5) * 0.1
  if (device.temperature < device.target - 0.5) device.heating = true
  if (device.temperature > device.target + 0.5) device.heating = false
}

function publishTelemetry(client: MqttClient, device: Thermostat): void {
  const { room, temperature, heating } = device
  const reading = {
    temperature: Number(temperature.toFixed(2)),
    humidity: Math.round(40 + Math.random() * 5),
    heating
  }
  client.publish(`demo/${room}/telemetry`, JSON.stringify(reading), { qos: 1 })
}

function publishState(client: MqttClient, { room, target }: Thermostat): void {
  client.publish(`demo/${room}/target`, String(target), { qos: 1, retain: true })
}

/** The answer to a command is the new state, as real thermostats do. */
function setTarget(client: MqttClient, device: Thermostat, payload: string): void {
  const target = Number(payload)
  if (payload.trim() === '' || !Number.isFinite(target)) return
  device.target = Math.min(30, Math.max(5, target))
  publishState(client, device)
}
