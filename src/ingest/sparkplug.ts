/** Which of two sessions stores what both receive: a Sparkplug host needs a session of its own (decision 0009). */

import { stateTopicOf } from '../mqtt/sparkplug-state.ts'
import { compileFilters } from '../topic.ts'

export interface SparkplugHost {
  hostId: string
  topics: readonly string[]
}

/** Tells of a topic that the other session stores its messages. */
export type IsOthers = (topic: string) => boolean

const isState = (topic: string): boolean => topic.startsWith(stateTopicOf(''))

/**
 * What edge nodes say is the host's. STATE, of all hosts, is the main session's: it is retained, so that it belongs to what
 * snapshots read; it comes also while the host is away; and the host may get its own twice, since it subscribes to it by
 * name and by wildcard [MQTT-3.3.4-2].
 */
export function divideTopics(
  filters: readonly string[],
  { topics }: SparkplugHost
): { leftByMain: IsOthers; leftByHost: IsOthers } {
  const isHosts = compileFilters(topics)
  const isMains = compileFilters(filters)
  return {
    leftByMain: (topic) => !isState(topic) && isHosts(topic),
    leftByHost: (topic) => isState(topic) && isMains(topic)
  }
}
