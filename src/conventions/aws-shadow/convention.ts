/** AWS IoT device shadow. */

import type { Convention } from '../../normalize/convention.ts'

export const awsShadow: Convention = {
  name: 'aws-shadow',
  title: 'AWS IoT device shadow',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
