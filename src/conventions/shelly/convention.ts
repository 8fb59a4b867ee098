/** Shelly, second generation and later. */

import type { Convention } from '../../normalize/convention.ts'

export const shelly: Convention = {
  name: 'shelly',
  title: 'Shelly, second generation and later',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
