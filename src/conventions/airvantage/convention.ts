/** AirVantage. */

import type { Convention } from '../../normalize/convention.ts'

export const airvantage: Convention = {
  name: 'airvantage',
  title: 'AirVantage',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
