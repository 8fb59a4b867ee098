/** InfluxDB line protocol. */

import type { Convention } from '../../normalize/convention.ts'

export const influx: Convention = {
  name: 'influx',
  title: 'InfluxDB line protocol',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
