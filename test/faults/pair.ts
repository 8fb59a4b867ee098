/** Instances of one deployment, each behind proxies of its own, so that it is known which of them a fault strikes. */

import type { MqttProxy } from '../support/mqtt-proxy.ts'
import type { PostgresProxy } from '../support/postgres-proxy.ts'
import type { Rialto } from './rialto.ts'
import type { ServiceOptions, World } from './world.ts'

export interface Instance {
  rialto: Rialto
  mqtt: MqttProxy
  postgres: PostgresProxy
}

/** Not started yet. */
export async function behindProxies(
  world: World,
  broker: { port: number },
  options: Omit<ServiceOptions, 'mqttUrl'>
): Promise<Instance> {
  const mqtt = await world.mqttProxy(broker)
  const postgres = await world.postgresProxy(options.databaseUrl)
  const rialto = world.service({ ...options, mqttUrl: mqtt.url, databaseUrl: postgres.url })
  return { rialto, mqtt, postgres }
}

/** SIGKILL in this very moment; what it has under way is gone with it. */
export function strike({ rialto, mqtt, postgres }: Instance): void {
  rialto.killNow()
  mqtt.cut()
  postgres.cut()
}
