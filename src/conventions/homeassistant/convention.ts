/** Home Assistant discovery. */

import type { Convention } from '../../normalize/convention.ts'

export const homeAssistant: Convention = {
  name: 'homeassistant',
  title: 'Home Assistant discovery',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
