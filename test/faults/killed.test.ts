/** kill -9 of the service, at every point between the broker's PUBLISH and its last acknowledgement. */

import { query } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import type { MqttFrame, MqttProxy } from '../support/mqtt-proxy.ts'
import { refuseMqtt5 } from '../support/mqtt-proxy.ts'
import type { PostgresFrame, PostgresProxy } from '../support/postgres-proxy.ts'
import { afterCommit, beforeCommit } from '../support/postgres-proxy.ts'
import type { Frame, Verdict } from '../support/proxy.ts'
import type { Rialto } from './rialto.ts'
import type { World } from './story.ts'
import { quiet, sized, story } from './story.ts'
import { clientId } from './world.ts'

for (const qos of [1, 2] as const) {
  story('kill -9 at random moments under load', { id: 'F1', qos }, async (world) => {
    const [messages, kills] = [sized(20_000, 2_000), sized(12, 3)]
    const broker = await world.mosquitto()
    const rialto = world.service({ mqttUrl: broker.url, databaseUrl: await world.database(), qos })
    await rialto.start()
    const publisher = world.publisher({ url: broker.url, qos, messages, perSecond: sized(800, 500) })
    for (let kill = 0; kill < kills; kill++) {
      const at = Math.floor((messages / kills) * (kill + 0.2 + Math.random() * 0.6))
      await eventually(() => publisher.next() >= at, { withinMs: 120_000, everyMs: 3 })
      rialto.killNow()
      await rialto.ended()
      await rialto.start()
    }
  })
}

interface Proxies {
  mqtt: MqttProxy
  postgres: PostgresProxy
}

/** Sets the rules; one of them says `strike` when it sees the point. */
type Arm = (proxies: Proxies, strike: (frame: Frame) => Verdict) => void

const sends = (type: string) => (frame: MqttFrame) =>
  frame.type === type && frame.direction === 'toServer' && frame.clientId === clientId

const hears = (type: string) => (frame: MqttFrame) =>
  frame.type === type && frame.direction === 'toService' && frame.clientId === clientId

const onMqtt =
  (point: (frame: MqttFrame) => boolean): Arm =>
  ({ mqtt }, strike) =>
    (mqtt.rule = (frame) => (point(frame) ? strike(frame) : 'pass'))

const onPostgres =
  (point: (frame: PostgresFrame) => boolean): Arm =>
  ({ postgres }, strike) =>
    (postgres.rule = (frame) => (point(frame) ? strike(frame) : 'pass'))

/** PUBREL has come; the commit that forgets the identifier has not. */
const beforeRelease: Arm = ({ mqtt, postgres }, strike) => {
  let released = false
  mqtt.rule = (frame) => {
    released ||= hears('pubrel')(frame)
    return 'pass'
  }
  postgres.rule = (frame) => (released && beforeCommit(frame) ? strike(frame) : 'pass')
}

/** Kills the service when `arm` sees its point; what was under way on that connection is gone with it. */
async function killAt(rialto: Rialto, proxies: Proxies, arm: Arm): Promise<void> {
  let struck = false
  const disarm = (): void => {
    proxies.mqtt.rule = null
    proxies.postgres.rule = null
  }
  arm(proxies, ({ link }) => {
    struck = true
    rialto.killNow()
    link.cut()
    disarm()
    return 'drop'
  })
  await eventually(() => struck, { withinMs: 30_000, what: 'the point is reached' })
  await rialto.ended()
}

async function behindProxies(
  world: World,
  qos: 1 | 2
): Promise<Proxies & { brokerUrl: string; rialto: Rialto }> {
  const broker = await world.mosquitto()
  const mqtt = await world.mqttProxy(broker)
  const postgres = await world.postgresProxy(await world.database())
  const rialto = world.service({ mqttUrl: mqtt.url, databaseUrl: postgres.url, qos })
  return { brokerUrl: broker.url, mqtt, postgres, rialto }
}

const points: Array<[name: string, id: string, qos: 1 | 2, arm: Arm]> = [
  ['before the commit', 'F1', 1, onPostgres(beforeCommit)],
  ['before the commit', 'F1', 2, onPostgres(beforeCommit)],
  ['after the commit, before its answer', 'F3', 1, onPostgres(afterCommit)],
  ['after the commit, before its answer', 'F3', 2, onPostgres(afterCommit)],
  ['after the commit, before PUBACK arrives', 'F3', 1, onMqtt(sends('puback'))],
  ['after the commit, before PUBREC arrives', 'F3', 2, onMqtt(sends('pubrec'))],
  ['between PUBREC and PUBREL', 'F3', 2, onMqtt(hears('pubrel'))],
  ['between PUBREL and the commit of the release', 'F3', 2, beforeRelease],
  ['after the commit of the release, before PUBCOMP arrives', 'F3', 2, onMqtt(sends('pubcomp'))]
]

for (const [point, id, qos, arm] of points) {
  story(`kill -9 ${point}`, { id, qos }, async (world) => {
    const { rialto, brokerUrl, ...proxies } = await behindProxies(world, qos)
    await rialto.start()
    const publisher = world.publisher({ url: brokerUrl, qos, perSecond: 400 })
    for (let kill = 0; kill < sized(20, 1); kill++) {
      await killAt(rialto, proxies, arm)
      await rialto.start()
    }
    await publisher.stop()
  })
}

/** As it is, or as if the broker spoke only 3.1.1. */
function speaking(version: '5' | '3.1.1', arm: Arm): Arm {
  return (proxies, strike) => {
    arm(proxies, strike)
    const { rule } = proxies.mqtt
    proxies.mqtt.rule = (frame) => (version === '3.1.1' && refuseMqtt5(frame) ? 'drop' : rule!(frame))
  }
}

const nothing: Arm = ({ mqtt }) => (mqtt.rule = () => 'pass')

const newSession: Array<[name: string, arm: Arm]> = [
  ['before CONNACK arrives', onMqtt(hears('connack'))],
  ['between CONNACK and SUBSCRIBE', onMqtt(sends('subscribe'))]
]

for (const version of ['5', '3.1.1'] as const) {
  for (const [point, arm] of newSession) {
    story(`kill -9 ${point}, first start, MQTT ${version}`, { id: 'F3', qos: 2 }, async (world) => {
      const { rialto, brokerUrl, ...proxies } = await behindProxies(world, 2)
      const live = (): void => speaking(version, nothing)(proxies, () => 'pass')
      for (let kill = 0; kill < sized(5, 1); kill++) {
        const struck = killAt(rialto, proxies, speaking(version, arm))
        await rialto.launch()
        await struck
      }
      live()
      await rialto.start()
      world.publisher({ url: brokerUrl, qos: 2, messages: 500, perSecond: 1_000 })
    })

    const promise = { sessionsWithoutGap: 0 }
    story(`kill -9 ${point}, session lost, MQTT ${version}`, { id: 'F3', qos: 2, promise }, async (world) => {
      const broker = await world.mosquitto(['persistence false'])
      const proxies = {
        mqtt: await world.mqttProxy(broker),
        postgres: await world.postgresProxy(await world.database())
      }
      const live = (): void => speaking(version, nothing)(proxies, () => 'pass')
      const rialto = world.service({
        mqttUrl: proxies.mqtt.url,
        databaseUrl: proxies.postgres.url,
        qos: 2
      })
      live()
      await rialto.start()
      const publish = (from: number) =>
        world.publisher({ url: broker.url, qos: 2, messages: 500, perSecond: 1_000, from })
      const times = sized(5, 1)
      for (let time = 0; time < times; time++) {
        await publish(time * 500).finished
        await quiet(world)
        const struck = killAt(rialto, proxies, speaking(version, arm))
        await broker.kill() // with all it knew of us
        await broker.start()
        await struck
        live()
        await rialto.start()
      }
      publish(times * 500)
      const gaps = await query(world.databaseUrl(), `select from journal where kind = 7`)
      world.note('sessionsWithoutGap', times - gaps.length)
    })
  }
}
