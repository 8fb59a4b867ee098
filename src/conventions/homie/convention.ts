/** Homie 5. */

import type { Convention } from '../../normalize/convention.ts'

export const homie: Convention = {
  name: 'homie',
  title: 'Homie 5',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
