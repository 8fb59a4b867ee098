/** Plain JSON objects. */

import type { Convention } from '../../normalize/convention.ts'

export const json: Convention = {
  name: 'json',
  title: 'Plain JSON objects',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
