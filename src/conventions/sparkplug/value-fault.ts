/** Why something is not a value of a metric. */

import type { RejectionReason } from '../../datapoints.ts'

export class ValueFault extends Error {
  readonly reason: RejectionReason

  constructor(message: string, reason: RejectionReason = 'wrong_shape') {
    super(message)
    this.reason = reason
  }
}
