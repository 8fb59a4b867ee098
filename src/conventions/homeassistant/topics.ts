/** Topics in configurations. Pure. */

import { defaultLimits } from '../../limits.ts'
import { topicFault } from '../../topic.ts'

/** Longer ones are possible, and would fill the memory. */
const topicCharsMax = 1_000

export const isTopic = (topic: unknown): topic is string =>
  typeof topic === 'string' &&
  topic.length <= topicCharsMax &&
  topicFault(topic, defaultLimits.topicLevelsMax) === null
