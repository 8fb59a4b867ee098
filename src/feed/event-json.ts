/** Events as JSON text, as streams send them. */

import type { StreamEvent } from '../views.ts'

export const eventJson = (event: StreamEvent): string => JSON.stringify(event)
