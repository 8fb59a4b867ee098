/**
 * The service of a copy of src, as another instance on a world's database; started with RIALTO_PATCHED_SOURCE, the folder, and
 * what startApp is given. Tells its URL to whoever started it.
 */

import { readConfig } from '../../src/config.ts'
import { partsFor } from '../support/bridge.ts'
import { createTellingHolders } from './self-telling.ts'
import { worldLimits } from './world.ts'

const { RIALTO_PATCHED_SOURCE: source, PATCHED_DATABASE: databaseUrl, PATCHED_MQTT: mqttUrl } = process.env
const { PATCHED_MAPPINGS: mappingsFile } = process.env
const { startApp } = (await import(`${source}/app.ts`)) as typeof import('../../src/app.ts')
const config = {
  ...readConfig({ PORT: '0', MQTT_URL: mqttUrl! }),
  filters: ['#', '$demo/#', '$other/#'],
  mappingsFile: mappingsFile!
}
const app = await startApp({
  ...partsFor({ mqttUrl: mqttUrl!, databaseUrl: databaseUrl!, config, limits: worldLimits }),
  holders: [createTellingHolders()]
})
process.send!(app.url)
process.once('disconnect', () => process.exit(0))
