/** A real NATS server with JetStream and MQTT on free ports of loopback. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RealBroker } from './broker-process.ts'
import { brokerProcess } from './broker-process.ts'
import { atEnd } from './cleanup.ts'
import { freePort } from './mosquitto.ts'

export async function startNats(mqttSettings: readonly string[] = []): Promise<RealBroker> {
  const directory = await mkdtemp(join(tmpdir(), 'rialto-nats-'))
  const [port, clientPort] = [await freePort(), await freePort()]
  const configuration = `
server_name: "rialto"
host: "127.0.0.1"
port: ${clientPort}
jetstream { store_dir: "${directory}/js", max_mem: 64M, max_file: 1G }
mqtt {
  host: "127.0.0.1"
  port: ${port}
  # What was not acknowledged comes again only after this long, also to a client that is back
  ack_wait: "2s"
  max_ack_pending: 1000
  ${mqttSettings.join('\n  ')}
}
`
  const file = join(directory, 'nats.conf')
  await writeFile(file, configuration)
  const url = `mqtt://127.0.0.1:${port}`
  const server = brokerProcess({ name: 'NATS', command: 'nats-server', arguments: ['-c', file], url })
  const nats: RealBroker = {
    url,
    port,
    kill: () => server.end('SIGKILL'),
    start: () => server.start(),
    async stop() {
      await server.end('SIGKILL')
      await rm(directory, { recursive: true, force: true })
    }
  }
  atEnd(() => nats.stop())
  await nats.start()
  return nats
}
