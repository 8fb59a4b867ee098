/** What a command says, as JSON: exactly what its parameters are, or a CommandFault. Pure. */

import { defaultLimits } from '../limits.ts'
import { CommandFault } from '../normalize/convention.ts'
import { UnwritableError, writeExact } from '../normalize/exact-json.ts'

/** `parameter` is the one that can be wrong. */
export function writeJson(value: unknown, parameter: string): string {
  try {
    return writeExact(value, defaultLimits.commandPayloadBytesMax)
  } catch (error) {
    if (!(error instanceof UnwritableError)) throw error
    throw new CommandFault(parameter, `It cannot be sent as JSON: ${error.message}`)
  }
}
