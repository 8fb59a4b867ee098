/** What is only for administrators. */

import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'

/** Throws Problem forbidden, which says what is needed. */
export function mustAdminister({ administers }: Pick<Access, 'administers'>): void {
  if (administers !== true)
    throw new Problem('forbidden', 'This is for administrators: the role `admin` is needed')
}
