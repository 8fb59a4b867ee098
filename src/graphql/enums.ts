/** The enums. Their values are the words that REST and the streams use, so that no two descriptions disagree. */

import { GraphQLEnumType } from 'graphql'
import type { CommandState, GapCause, TombstoneCause } from '../model.ts'
import type { PayloadFault, PayloadFormat } from '../payload.ts'
import { payloadFaults } from '../payload.ts'
import type { StreamEvent } from '../views.ts'

/** One value for each word, so that a new word of the domain does not compile until it is described here. */
export const enumOf = <Word extends string>(
  name: string,
  description: string,
  values: Record<Word, string>
): GraphQLEnumType =>
  new GraphQLEnumType({
    name,
    description,
    values: Object.fromEntries(
      Object.entries<string>(values).map(([value, about]) => [value, { description: about }])
    )
  })

export const enums = [
  enumOf<'asc' | 'desc'>('Order', 'Where a list begins.', { asc: 'Oldest first.', desc: 'Newest first.' }),
  enumOf<PayloadFormat>('PayloadFormat', 'What a payload was found to be.', {
    json: 'A JSON object, array, string or null.',
    number: 'A number by the grammar of JSON.',
    boolean: 'true or false.',
    text: 'UTF-8 text that is not JSON.',
    binary: 'Bytes that are not text.',
    empty: 'No bytes.'
  }),
  enumOf<PayloadFault>(
    'PayloadFault',
    'Why a decoded value does not say all that the bytes say.',
    payloadFaults
  ),
  enumOf<'known' | 'unknown'>('RetainedStatus', 'Whether `retained` can be relied on.', {
    known: 'The broker holds exactly `retained`.',
    unknown: 'MQTT 3.1.1 does not tell whether live messages are retained.'
  }),
  enumOf<'retained' | 'tombstone'>('TopicStateKind', 'What is known of the retained message of a topic.', {
    retained: 'There is one.',
    tombstone: 'There was one, and it is gone.'
  }),
  enumOf<TombstoneCause>('TombstoneCause', 'Why there is no retained message any more.', {
    cleared: 'An empty retained message was published.',
    expired: 'Its message expiry interval is over.',
    reconciled: 'The broker no longer had it.'
  }),
  enumOf<CommandState>('CommandState', 'What became of a command.', {
    pending: 'Stored, and waiting to be published.',
    publishing: 'Handed to the broker, not yet acknowledged.',
    published: 'The broker has it.',
    undeliverable: 'The broker has it, and says that nobody subscribes to the topic.',
    refused: 'The broker will not have it.',
    expired: 'Its time was over before it could be published.',
    cancelled: 'A client cancelled it before it was published.',
    unknown:
      'The database was restored from a backup in which it was open: nobody knows whether it was published.'
  }),
  enumOf<'none'>('Awaits', 'What a command waits for after the broker has it.', {
    none: 'Nothing: `published` is final.'
  }),
  enumOf<GapCause>('GapCause', 'Why an interval may be incomplete.', {
    session_lost: 'The broker had no session any more: what it had queued is gone.',
    absence:
      'The connection was down: QoS 0 messages were not queued; on the clean session of a Sparkplug host, none were.',
    taken_over: 'Another client used our client id, and got what we did not.',
    abandoned: 'QoS 0 messages were received, and another instance took over before they were committed.',
    packet_too_large: 'A message was larger than is accepted.',
    invalid_topic: 'A message came with something that is not a topic name.',
    unstorable: 'The database refuses to store a message.',
    restored: 'The database was restored from a backup: what was stored after the backup is gone.'
  }),
  enumOf<StreamEvent['type']>('EventType', 'What an event tells.', {
    message: 'A message was received, or a retained message cleared.',
    state: 'The state of a topic changed.',
    datapoint: 'A value was found in a message; also when a redrive finds it later.',
    presence: 'A device came online or went offline.',
    command: 'A command went from one state to the next.',
    gap: 'An interval may be incomplete.',
    skipped: 'Facts that retention took before they could be read. Always sent, asked for or not.',
    progress: 'Nothing matched up to this cursor; comes from time to time. Always sent, asked for or not.'
  })
]
