import { describeChain } from './support/chain.ts'
import { embedded } from './support/known-brokers.ts'

describeChain(embedded.name, embedded.able, async () => (await embedded.start()).url)
