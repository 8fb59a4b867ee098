/** How one request is found again: in the answer, in a problem, and in the log. Pure, but for chance. */

import { randomUUID } from 'node:crypto'

/** 1 to 64 characters that mean nothing in a log, a header or a shell. */
const harmless = /^[\w.-]{1,64}$/

/** What the client calls it (header `x-request-id`), where that is harmless; else a random UUID. */
export const toRequestId = (given: string | string[] | undefined): string =>
  typeof given === 'string' && harmless.test(given) ? given : randomUUID()
