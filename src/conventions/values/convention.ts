/** Plain values. */

import type { Convention } from '../../normalize/convention.ts'

export const values: Convention = {
  name: 'values',
  title: 'Plain values',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
