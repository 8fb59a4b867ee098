/** The enums. Their values are the words that REST and the streams use, so that no two descriptions disagree. */

import { GraphQLEnumType } from 'graphql'
import type { BatchState } from '../command-batch.ts'
import type { Awaits, CommandEvent, CommandState, Delivery } from '../command.ts'
import type { Encoding } from '../commands/encode-payload.ts'
import type { GapCause, TombstoneCause } from '../model.ts'
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
    scheduled: 'Stored, and not to be published before its time.',
    pending: 'Stored, and waiting to be published.',
    publishing: 'Handed to the broker, not yet acknowledged.',
    published: 'The broker has it. Final where nothing is awaited.',
    succeeded: 'The device says that it is done, or its effect was seen.',
    failed: 'The device says that it will not, or cannot.',
    timedOut: 'The broker has it; neither a response nor an effect came in time.',
    undeliverable: 'The broker has it, and says that nobody subscribes to the topic.',
    refused: 'The broker will not have it.',
    expired: 'Its time was over before it could be published.',
    cancelled: 'A client cancelled it before it was published.',
    unknown:
      'Nobody knows whether it was published: it must not be published twice, or the database was restored from a backup in which it was open.'
  }),
  enumOf<BatchState>('BatchState', 'How a batch does.', {
    running: 'Commands of it are published as they are due, or waited for.',
    stopped: 'Too many failed. Nothing more is published; what was published is still waited for.',
    cancelled: 'A client said so. Nothing more is published; what was published is still waited for.',
    finished: 'Nothing more happens.'
  }),
  enumOf<Awaits>('Awaits', 'What a command waits for after the broker has it.', {
    none: 'Nothing: `published` is final.',
    response: 'A response of the device.',
    effect: 'That what it asks for is seen.'
  }),
  enumOf<Encoding>('PayloadEncoding', 'How a JSON value is sent.', {
    json: 'As JSON text.',
    text: 'A string, as itself.',
    cbor: 'As CBOR.',
    msgpack: 'As MessagePack.'
  }),
  enumOf<Delivery>('Delivery', 'What is done where nobody knows whether the broker has a command.', {
    atLeastOnce: 'It is published again, with the same id.',
    atMostOnce: 'It is not: its state is `unknown`.'
  }),
  enumOf<CommandEvent | 'submit'>('CommandEventKind', 'What happened to a command.', {
    submit: 'It was accepted.',
    due: 'Its time has come.',
    publish: 'It is handed to the broker.',
    accept: 'The broker has it.',
    deliverToNobody: 'The broker has it, and says that nobody subscribes to the topic.',
    refuse: 'The broker will not have it, or its condition does not hold.',
    lose: 'The connection ended before the broker said anything; it is published again.',
    abandon: 'The same, and it must not be published twice.',
    expire: 'It could not be published in time.',
    cancel: 'A client cancelled it.',
    succeed: 'The device says that it is done, or its effect was seen.',
    fail: 'The device says that it will not, or cannot.',
    timeOut: 'Neither a response nor an effect came in time.',
    restore: 'The database was restored from a backup in which it was open.',
    answerLate: 'A response came when it was final by other means.'
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
