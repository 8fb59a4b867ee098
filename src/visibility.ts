/** What somebody may see and do of commands and of the journal. One place for every surface. Pure. */

import type { Access, Fact } from './model.ts'

/** What of a command decides who sees it. Absent in facts of before they told it. */
export interface CommandSubject {
  topic: string
  /** Its name, where the command was sent to one. */
  device?: string | null
  /** Who sent it. */
  principal?: string
}

/** Of a topic or a device that may be read, or one's own. */
export const mayReadCommand = (access: Access, { topic, device, principal }: CommandSubject): boolean =>
  access.mayRead(topic) ||
  (device != null && access.mayReadDevice?.(device, topic) === true) ||
  (principal === access.principal && access.ended?.aborted !== true)

/** To a topic that may be published to; or to a device by its name, whatever topic that comes to. */
export const mayCommand = (
  access: Access,
  { topic, device }: Pick<CommandSubject, 'topic' | 'device'>
): boolean =>
  access.mayPublish(topic) || (device != null && access.mayCommandDevice?.(device, topic) === true)

/** What is of no topic, such as a gap of a whole session, is for everybody. */
export function mayReadFact(
  access: Access,
  { kind, topic, detail }: Pick<Fact, 'kind' | 'topic' | 'detail'>
): boolean {
  if (topic !== null) return access.mayRead(topic)
  const about = topicOf(detail)
  if (about === undefined) return true
  return kind === 'command'
    ? mayReadCommand(access, { ...(detail as CommandSubject), topic: about })
    : access.mayRead(about)
}

/** The topic that a fact is about, which is none of a message. */
export const topicOf = (detail: unknown): string | undefined => (detail as { topic?: string } | null)?.topic
