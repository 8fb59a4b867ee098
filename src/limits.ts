/**
 * Every bound of the service: what is counted, its unit, `Max` last. They are listed in the files of `limits/`, and all
 * are given as one. Tests start the service with smaller ones to see what happens at the limit.
 */

import { accessLimits } from './limits/access.ts'
import { answerLimits } from './limits/answers.ts'
import { brokerLimits } from './limits/broker.ts'
import { graphqlLimits } from './limits/graphql.ts'
import { historyLimits } from './limits/history.ts'
import { normalizationLimits } from './limits/normalization.ts'
import { readerLimits } from './limits/readers.ts'
import { requestLimits } from './limits/requests.ts'
import { storageLimits } from './limits/storage.ts'
import { streamLimits } from './limits/streams.ts'
import { webhookLimits } from './limits/webhooks.ts'

export const defaultLimits = {
  ...brokerLimits,
  ...storageLimits,
  ...normalizationLimits,
  ...readerLimits,
  ...historyLimits,
  ...streamLimits,
  ...requestLimits,
  ...graphqlLimits,
  ...answerLimits,
  ...webhookLimits,
  ...accessLimits
}

export type Limits = typeof defaultLimits
