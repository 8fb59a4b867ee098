import { describeChain } from '../support/chain.ts'
import { startMosquitto } from '../support/mosquitto.ts'

describeChain('Mosquitto', async () => (await startMosquitto()).url)
