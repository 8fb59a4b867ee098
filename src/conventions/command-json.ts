/** JSON of a command: integers beyond 2^53 exact, as they came. Pure. */

import { defaultLimits } from '../limits.ts'
import { CommandFault } from '../normalize/convention.ts'
import { UnwritableError, writeExact } from '../normalize/exact-json.ts'

/** `parameter` is what is named where it cannot be written. */
export function writeCommandJson(value: unknown, parameter: string | null): string {
  try {
    return writeExact(value, defaultLimits.datapointBytesMax)
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    throw new CommandFault(parameter, `cannot be sent: ${error.message}`)
  }
}
