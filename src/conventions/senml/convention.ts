/** SenML. */

import type { Convention } from '../../normalize/convention.ts'

export const senml: Convention = {
  name: 'senml',
  title: 'SenML',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
