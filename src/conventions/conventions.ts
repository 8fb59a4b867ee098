/** Every convention that rialto.yaml can name. */

import type { Convention } from '../normalize/convention.ts'
import { airvantage } from './airvantage/convention.ts'
import { sparkplug } from './sparkplug/convention.ts'
import { senml } from './senml/convention.ts'
import { homie } from './homie/convention.ts'
import { homeAssistant } from './homeassistant/convention.ts'
import { tasmota } from './tasmota/convention.ts'
import { zigbee2mqtt } from './zigbee2mqtt/convention.ts'
import { shelly } from './shelly/convention.ts'
import { ownTracks } from './owntracks/convention.ts'
import { thingsBoard } from './thingsboard/convention.ts'
import { awsShadow } from './aws-shadow/convention.ts'
import { azureIotHub } from './azure-iot-hub/convention.ts'
import { influx } from './influx/convention.ts'
import { json } from './json/convention.ts'
import { values } from './values/convention.ts'

const all: readonly Convention[] = [
  airvantage,
  sparkplug,
  senml,
  homie,
  homeAssistant,
  tasmota,
  zigbee2mqtt,
  shelly,
  ownTracks,
  thingsBoard,
  awsShadow,
  azureIotHub,
  influx,
  json,
  values
]

export const conventions: ReadonlyMap<string, Convention> = new Map(
  all.map((convention) => [convention.name, convention])
)
