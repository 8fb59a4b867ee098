/** ThingsBoard. */

import type { Convention } from '../../normalize/convention.ts'

export const thingsBoard: Convention = {
  name: 'thingsboard',
  title: 'ThingsBoard',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
