/** What befalls the deployment: each strike resolves when it is over, and not before the fault has ended. */

import { once } from 'node:events'
import { connect } from 'node:net'
import mqttPacket from 'mqtt-packet'
import type { Instance } from '../faults/pair.ts'
import { strike } from '../faults/pair.ts'
import { pause } from '../faults/provocations.ts'
import type { Publisher } from '../faults/publisher.ts'
import { clientId } from '../faults/world.ts'
import type { Mosquitto } from '../support/mosquitto.ts'
import type { PostgresServer } from '../support/postgres-server.ts'
import { eventually } from '../support/eventually.ts'
import type { Random } from './random.ts'

export interface Deployment {
  broker: Mosquitto
  postgres: PostgresServer
  /** It is killed, and started again. */
  mortal: Instance
  /** It is stopped and cut off, and never killed: of its one life memory and descriptors are told. */
  lasting: Instance
  /** Its QoS 2 messages rest while the broker restarts. */
  exactlyOnce: Publisher
  /** The last of them that is owed is stored, and so are those before it. */
  isStored: () => Promise<boolean>
  /** QoS 2 identifiers that the broker was sent PUBREC for, and no PUBCOMP. */
  halfway: ReadonlySet<number>
}

type Strike = (deployment: Deployment, random: Random) => Promise<void>

const either = ({ mortal, lasting }: Deployment, random: Random): Instance => random.pick([mortal, lasting])

export const strikes: Record<string, Strike> = {
  async 'kill -9 of an instance'({ mortal }) {
    strike(mortal)
    await mortal.rialto.ended()
    await mortal.rialto.start()
  },
  async 'an instance stopped for 3 to 10 s'(deployment, random) {
    const { pid } = either(deployment, random).rialto
    process.kill(pid, 'SIGSTOP')
    await pause(random.between(3_000, 10_000))
    process.kill(pid, 'SIGCONT')
  },
  async 'a restart of the broker'({ broker, exactlyOnce, isStored, halfway }, random) {
    // Restarted in order, too, Mosquitto 2.0.11 sends PUBLISH where PUBREL is due: a second message, by its own fault
    exactlyOnce.resting = true
    const isReleased = async (): Promise<boolean> =>
      exactlyOnce.unanswered() === 0 && (await isStored()) && halfway.size === 0
    await eventually(isReleased, { withinMs: 180_000, everyMs: 200, what: 'every QoS 2 message is released' })
    await broker.save()
    await broker.shutDown()
    await pause(random.between(0, 3_000))
    await broker.start()
    exactlyOnce.resting = false
  },
  async 'a restart of Postgres, at once'({ postgres }, random) {
    await postgres.stop('immediate')
    await pause(random.between(0, 5_000))
    await postgres.start()
  },
  async 'links to the broker cut'(deployment, random) {
    either(deployment, random).mqtt.cut()
  },
  async 'links to Postgres cut'(deployment, random) {
    either(deployment, random).postgres.cut()
  },
  async 'links to the broker half-open'(deployment, random) {
    either(deployment, random).mqtt.swallow()
  },
  async 'another client with the same client id'({ broker }, random) {
    await stealSession(broker.port, random.between(500, 3_000))
  }
}

/** A client that takes the session, is sent what it has, acknowledges nothing, and is gone. */
async function stealSession(port: number, ms: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // the broker lets the other one in again
  socket.write(
    mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId,
      clean: false,
      keepalive: 60,
      properties: { sessionExpiryInterval: 604_800 }
    })
  )
  await once(socket, 'data')
  socket.resume()
  await pause(ms)
  socket.destroy()
}

/** Follows the acknowledgements of an instance; what a half-open link swallows has not come. */
export function followReleases({ mqtt }: Instance, halfway: Set<number>): void {
  const before = mqtt.rule
  mqtt.rule = (frame) => {
    if (frame.clientId === clientId && frame.direction === 'toServer' && !frame.link.swallowing) {
      // A fixed header of two bytes, then the identifier [MQTT-3.5.2]
      if (frame.type === 'pubrec') halfway.add(frame.bytes.readUInt16BE(2))
      if (frame.type === 'pubcomp') halfway.delete(frame.bytes.readUInt16BE(2))
    }
    return before === null ? 'pass' : before(frame)
  }
}
