/** A real RabbitMQ with its MQTT plugin on free ports of loopback, as Debian has it. */

import { access, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RealBroker } from './broker-process.ts'
import { brokerProcess } from './broker-process.ts'
import { atEnd } from './cleanup.ts'
import { epmd } from './epmd.ts'
import { freePort } from './mosquitto.ts'

/** The script below the one in PATH, which insists on root or on the user `rabbitmq`, and on their directories. */
const script = '/usr/lib/rabbitmq/bin/rabbitmq-server'

export async function startRabbitmq(extra: readonly string[] = []): Promise<RealBroker> {
  await access(script).catch((cause: unknown) => {
    throw new Error('RabbitMQ is not installed', { cause })
  })
  const directory = await mkdtemp(join(tmpdir(), 'rialto-rabbitmq-'))
  const [port, distributionPort] = [await freePort(), await freePort()]
  const names = await epmd()
  const configuration = [
    'listeners.tcp = none',
    `mqtt.listeners.tcp.1 = 127.0.0.1:${port}`,
    'mqtt.allow_anonymous = true',
    'mqtt.default_user = guest',
    'mqtt.default_pass = guest',
    'mqtt.subscription_ttl = 86400000',
    'mqtt.prefetch = 1000',
    ...extra
  ]
  const file = join(directory, 'rabbitmq.conf')
  const plugins = join(directory, 'enabled_plugins')
  await writeFile(file, `${configuration.join('\n')}\n`)
  await writeFile(plugins, '[rabbitmq_mqtt].\n')

  const url = `mqtt://127.0.0.1:${port}`
  const server = brokerProcess({
    name: 'RabbitMQ',
    command: script,
    arguments: [],
    url,
    environment: {
      HOME: directory, // the Erlang cookie
      RABBITMQ_NODENAME: `rialto${port}@localhost`,
      RABBITMQ_CONFIG_FILE: file,
      RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
      RABBITMQ_MNESIA_BASE: join(directory, 'data'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_DIST_PORT: String(distributionPort),
      ERL_EPMD_PORT: String(names.port),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      // One scheduler; nothing but loopback
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1} +S 1:1',
      // The script becomes the server, instead of a parent that outlives it
      RUNNING_UNDER_SYSTEMD: 'true'
    }
  })
  const rabbitmq: RealBroker = {
    url,
    port,
    kill: () => server.end('SIGKILL'),
    start: () => server.start(),
    async stop() {
      await server.end('SIGKILL') // an orderly end takes seconds, and its files go anyway
      await names.stop()
      await rm(directory, { recursive: true, force: true })
    }
  }
  atEnd(() => rabbitmq.stop())
  await rabbitmq.start()
  return rabbitmq
}
