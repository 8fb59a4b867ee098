/** Tasmota. */

import type { Convention } from '../../normalize/convention.ts'

export const tasmota: Convention = {
  name: 'tasmota',
  title: 'Tasmota',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
