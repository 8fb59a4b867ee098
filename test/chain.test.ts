import { describeChain } from './support/chain.ts'
import { startBroker } from './support/broker.ts'

describeChain('the embedded broker', async () => (await startBroker()).url)
