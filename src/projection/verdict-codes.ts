/** Why a topic's messages are, or are not, where they are looked for: stable codes. docs/explain.md has this table. */

import type { RejectionReason } from '../datapoints.ts'
import { rejectionReasons } from '../datapoints.ts'
import type { Verdict } from './projections.ts'

/** In the order in which a message meets them; what is found first is the culprit. */
const ownCodes = {
  not_a_topic: 'What was asked for is a filter, or no topic at all',
  session_taken_over: 'Another client uses our client id, and the broker gives it our messages',
  not_connected: 'There is no connection to the broker',
  no_filter_matches: 'No filter of RIALTO_TOPICS matches the topic, so that the broker is not asked for it',
  filter_refused: 'The broker refused the filters that match the topic',
  too_large: 'The newest message was larger than we take; it was discarded, and is a gap',
  invalid_topic: 'The newest message had a topic that is none; it is kept as a gap',
  unstorable_message: 'The database refused the newest message; it is kept as a gap',
  never_received: 'No message of this topic ever came',
  cleared: 'The retained message was cleared by an empty one, or found gone at the broker',
  expired: 'The retained message expired',
  no_mapping_matches:
    'No mapping of rialto.yaml matches the topic: it is kept as a message, and gives no datapoints',
  shadowed_by: 'A mapping that stands earlier takes all topics of one that was meant for this topic',
  binary_payload: 'The payload is binary, and the mapping expects text or JSON',
  encoded_text: 'The payload is base64 or hex of the values',
  double_encoded_json: 'The payload is JSON inside of a JSON string',
  decimal_comma: 'A number is written with a comma',
  number_with_unit: 'A unit stands behind the number',
  text_instead_of_number: 'A number is in quotes, so that it is stored as text',
  object_as_one_metric: 'An object is stored as one metric of type json',
  metric_not_selected: 'An expression of the mapping selects nothing, and a name like it is there',
  presence_not_mapped:
    'An availability topic is stored as a metric; the presence of the device does not know of it',
  nothing_found: 'The mapping found nothing to store in the message, and did not reject it',
  unchanged:
    'The mapping stores changes alone, and nothing in the message is another value than the last stored one',
  clock_ahead: 'The timestamp is too far ahead; the time of receipt was taken',
  clock_behind: 'The timestamp is too far behind; the time of receipt was taken',
  timestamp_missing:
    'The mapping selects a timestamp that the message has not; the time of receipt was taken',
  lag: 'The message is received, and waits to be normalized',
  redrive_needed: 'The message was rejected by an earlier mapping; the one of now takes it',
  not_projected: 'The message came before the mapping of now, and was not normalized by it',
  null_value: 'The message says null, so that latest is null',
  only_events: 'The datapoints are events, which happened and are no state: latest is null',
  historical: 'The datapoints are historical: they do not move latest',
  older_than_latest:
    'The message tells of an earlier time than another one that came before: it does not move latest',
  other_topic: 'Another topic gives the same metric of the same device, and told of a later time',
  retained_only: 'Only the retained message was found; nothing came live',
  stored: 'Nothing is wrong: the newest message is stored',
  rejected_earlier: 'The newest message is stored, and some before it were rejected',
  redelivered: 'The broker sent the newest message more than once; it is stored once',
  gap: 'Messages may be missing since the newest one'
} as const

export type VerdictCode = keyof typeof ownCodes | RejectionReason

/** Reasons of rejections are codes, too. */
export const verdictCodes: Readonly<Record<VerdictCode, string>> = { ...ownCodes, ...rejectionReasons }

export const verdict = (code: VerdictCode, detail: string, fix: string | null = null): Verdict => ({
  code,
  detail,
  fix
})
