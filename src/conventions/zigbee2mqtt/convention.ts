/** zigbee2mqtt. */

import type { Convention } from '../../normalize/convention.ts'

export const zigbee2mqtt: Convention = {
  name: 'zigbee2mqtt',
  title: 'zigbee2mqtt',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
