/** Where in a command's life the service is killed: at each of its transitions, before and after its COMMIT, and at what it sends and hears. */

import type { Packet } from 'mqtt-packet'
import mqttPacket from 'mqtt-packet'
import type { CommandEvent } from '../../src/command.ts'
import { transitions } from '../../src/commands/lifecycle.ts'
import type { MqttFrame } from '../support/mqtt-proxy.ts'
import type { PostgresFrame } from '../support/postgres-proxy.ts'
import { afterCommit, isCommitted, isSync } from '../support/postgres-proxy.ts'
import type { Link } from '../support/proxy.ts'
import { eventually } from '../support/eventually.ts'
import { onceMark } from './commanders.ts'
import type { Instance } from './pair.ts'
import { clientId } from './world.ts'

export interface Point {
  name: string
  onPostgres?: (frame: PostgresFrame) => boolean
  onMqtt?: (frame: MqttFrame) => boolean
  /** It only comes where the broker's word is lost: the link is cut where one is on its way, of a command that may be repeated or not. */
  needsLossOf?: 'repeatable' | 'once'
}

const publishes = ({ clientId: id }: MqttFrame): boolean => id.startsWith('rialto-p-')

/** PUBACK to the connection that publishes. */
const brokersWord = (frame: MqttFrame): boolean =>
  publishes(frame) && frame.direction === 'toService' && frame.type === 'puback'

const response = (frame: MqttFrame): boolean =>
  frame.clientId === clientId &&
  frame.direction === 'toService' &&
  frame.type === 'publish' &&
  frame.bytes.includes(`rialto/${clientId}/responses/`)

/** One statement may move many, under one guard or another; it names the event of each in a parameter. */
function ofStatement(statement: string, word: string | null, is: (frame: PostgresFrame) => boolean) {
  const within = new WeakSet<Link>()
  return (frame: PostgresFrame): boolean => {
    if (frame.type === 'B' && frame.direction === 'toServer') {
      if (frame.statement.startsWith(statement) && (word === null || frame.bytes.includes(word)))
        within.add(frame.link)
      else within.delete(frame.link)
    }
    return within.has(frame.link) && is(frame)
  }
}

const aroundCommit = (
  name: string,
  statement: string,
  word: string | null,
  more: Partial<Point>
): Point[] => [
  { name: `before the commit of ${name}`, onPostgres: ofStatement(statement, word, isSync), ...more },
  { name: `after the commit of ${name}`, onPostgres: ofStatement(statement, word, isCommitted), ...more }
]

/** A backup is not restored here (restore.test.ts does that); a late answer moves nothing, but is written all the same. */
const events: CommandEvent[] = [
  ...(Object.keys(transitions.pending) as CommandEvent[]).filter((event) => event !== 'restore'),
  'answerLate'
]

let answered = false

export const points: readonly Point[] = [
  ...aroundCommit('submit', 'accept_commands', null, {}),
  ...events.flatMap((event) =>
    aroundCommit(event, 'move_commands', `"${event}"`, {
      ...(event === 'lose' && { needsLossOf: 'repeatable' }),
      ...(event === 'abandon' && { needsLossOf: 'once' })
    })
  ),
  {
    name: 'when PUBLISH is on its way',
    onMqtt: (frame) => publishes(frame) && frame.direction === 'toServer' && frame.type === 'publish'
  },
  { name: 'when PUBACK is on its way', onMqtt: brokersWord },
  { name: 'when a response is on its way', onMqtt: response },
  {
    name: 'after the commit of a response',
    onMqtt(frame) {
      answered ||= response(frame)
      return false
    },
    onPostgres(frame) {
      const struck = answered && afterCommit(frame)
      if (struck) answered = false
      return struck
    }
  }
]

/** Watches what an instance sends, and strikes it at the point that is armed. */
export interface Striker {
  /** How often the service has sent a command to the broker, by its id. */
  sent: Map<string, number>
  watch(instance: Instance, strike: (instance: Instance) => void): void
  /** Resolves with whether the point came in time. */
  at(point: Point, withinMs: number): Promise<boolean>
}

export function createStriker(): Striker {
  const sent = new Map<string, number>()
  let armed: Point | null = null
  /** Connections that publish, whose next word of the broker is lost. */
  const doomed = new WeakSet<Link>()

  return {
    sent,
    watch(instance, strike) {
      const hit = (): 'drop' => {
        armed = null
        strike(instance)
        return 'drop'
      }
      instance.mqtt.rule = (frame) => {
        const { bytes, link } = frame
        if (publishes(frame) && frame.direction === 'toServer' && frame.type === 'publish') {
          count(sent, bytes)
          if (armed?.needsLossOf === (bytes.includes(onceMark) ? 'once' : 'repeatable')) doomed.add(link)
        }
        if (armed?.onMqtt?.(frame)) return hit()
        if (doomed.has(link) && brokersWord(frame)) {
          link.cut()
          return 'drop'
        }
        return 'pass'
      }
      instance.postgres.rule = (frame) => (armed?.onPostgres?.(frame) ? hit() : 'pass')
    },
    async at(point, withinMs) {
      armed = point
      const struck = await eventually(() => armed === null, { withinMs }).catch(() => false)
      armed = null
      return struck
    }
  }
}

/** By the id that it carries; other messages of the service have none. */
export function count(sent: Map<string, number>, bytes: Buffer): void {
  const parser = mqttPacket.parser({ protocolVersion: 5 })
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd !== 'publish') return
    const id = packet.properties?.userProperties?.['rialto-command-id']
    if (typeof id === 'string') sent.set(id, (sent.get(id) ?? 0) + 1)
  })
  parser.parse(bytes)
}
