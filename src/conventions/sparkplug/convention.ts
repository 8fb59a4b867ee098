/** Sparkplug B. */

import type { Convention } from '../../normalize/convention.ts'

export const sparkplug: Convention = {
  name: 'sparkplug',
  title: 'Sparkplug B',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
