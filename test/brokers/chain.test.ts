import { describeChain } from '../support/chain.ts'
import { mosquitto, nats, rabbitmq } from '../support/known-brokers.ts'

for (const { name, able, start } of [mosquitto, rabbitmq, nats])
  describeChain(name, able, async () => (await start()).url)
