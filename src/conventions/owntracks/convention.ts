/** OwnTracks. */

import type { Convention } from '../../normalize/convention.ts'

export const ownTracks: Convention = {
  name: 'owntracks',
  title: 'OwnTracks',
  about: '',
  sources: [],
  options: {},
  presence: '',
  create: () => ({ routes: [], commands: [] })
}
