/**
 * A device as docs/commands.md asks for: it knows a command by its id, does it once, and answers every delivery. Its
 * session outlives its broker. What it is told to do is in the payload.
 */

import type { IPublishPacket, MqttClient } from 'mqtt'
import mqtt from 'mqtt'
import { atEnd } from '../support/cleanup.ts'

export const deeds = ['nothing', 'answer', 'answerTwice', 'answerNo', 'answerLate', 'effect'] as const
export type Deed = (typeof deeds)[number]

/** The payload of a command; `number` is the client's own, one for each that it asks for. */
export interface Task {
  number: number
  does: Deed
}

export interface CommandedDevice {
  /** Ids of what came. */
  heard: Set<string>
  /** How often it did what has this number. */
  actions: Map<number, number>
}

/** Longer than commands wait that are answered late. */
export const lateMs = 3_000

export const commandIdOf = ({ properties }: IPublishPacket): string => {
  const id = properties?.userProperties?.['rialto-command-id']
  if (typeof id !== 'string') throw new Error(`A command carries its id once, and not ${JSON.stringify(id)}`)
  return id
}

/** Commands come on `plant/{unit}/do`; what an effect leaves behind is on `plant/{unit}/state`. */
export async function startCommandedDevice(url: string): Promise<CommandedDevice> {
  const device: CommandedDevice = { heard: new Set(), actions: new Map() }
  const client = mqtt.connect(url, {
    clientId: 'device',
    protocolVersion: 5,
    clean: false,
    properties: { sessionExpiryInterval: 86_400 },
    reconnectPeriod: 200
  })
  client.on('error', () => {}) // the broker is away for a while
  client.on('message', (topic, payload, packet) => {
    const id = commandIdOf(packet)
    const task = JSON.parse(payload.toString()) as Task
    if (!device.heard.has(id)) device.actions.set(task.number, (device.actions.get(task.number) ?? 0) + 1)
    device.heard.add(id)
    respond(client, topic, packet, task)
  })
  atEnd(() => client.endAsync(true))
  await client.subscribeAsync('plant/+/do', { qos: 1 })
  return device
}

function respond(client: MqttClient, topic: string, { properties }: IPublishPacket, task: Task): void {
  const { number, does } = task
  const answer = (ok: boolean): void => {
    client.publish(properties!.responseTopic!, JSON.stringify({ number, ok }), {
      qos: 1,
      properties: { correlationData: properties!.correlationData! }
    })
  }
  if (does === 'answer' || does === 'answerTwice') answer(true)
  if (does === 'answerTwice') answer(true)
  if (does === 'answerNo') answer(false)
  if (does === 'answerLate') setTimeout(() => answer(true), lateMs)
  if (does === 'effect') {
    const state = topic.replace(/do$/, 'state')
    client.publish(state, JSON.stringify({ done: number }), { qos: 1, retain: true })
  }
}
