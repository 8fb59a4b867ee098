/** Which of two sessions stores what both receive: a Sparkplug host needs a session of its own (decision 0009). */

import { stateTopicOf } from '../mqtt/sparkplug-state.ts'
import { compileFilters } from '../topic.ts'

export interface SparkplugHost {
  hostId: string
  topics: readonly string[]
}

/** Tells of a topic that the other session stores its messages. */
export type IsOthers = (topic: string) => boolean

/**
 * What edge nodes say is the host's. Its own STATE is the main session's, as our status is: it comes also while the host
 * is away, and the host may get it twice, since it subscribes to it by name and by wildcard [MQTT-3.3.4-2].
 */
export function divideTopics(
  filters: readonly string[],
  { hostId, topics }: SparkplugHost
): { leftByMain: IsOthers; leftByHost: IsOthers } {
  const state = stateTopicOf(hostId)
  const isHosts = compileFilters(topics)
  const mainHasState = compileFilters(filters)(state)
  return {
    leftByMain: (topic) => topic !== state && isHosts(topic),
    leftByHost: (topic) => mainHasState && topic === state
  }
}
