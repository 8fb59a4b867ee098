/** The enums of devices and mappings. */

import { GraphQLEnumType } from 'graphql'
import type {
  Clock,
  Presence,
  PresenceSource,
  ProjectionState,
  Redrive,
  RedriveState,
  RejectionReason,
  Role
} from '../datapoints.ts'
import { rejectionReasons } from '../datapoints.ts'
import type { MappingsView } from '../projection/views.ts'
import type { Fill } from '../history/functions.ts'
import type { HistorySource } from '../history/views.ts'
import { enumOf } from './enums.ts'

export const deviceEnums = [
  enumOf<Presence>('Presence', 'Whether a device can be reached.', {
    unknown: 'Nothing says so yet.',
    online: 'It said so, or was heard from.',
    offline: 'It, or its will, said so, or it is silent for too long.'
  }),
  enumOf<PresenceSource>('PresenceSource', 'What told the presence of a device.', {
    availability: "An availability topic: the device's own word, or its will.",
    birth: 'A birth message.',
    death: 'A death message.',
    seen: 'A message from it.',
    timeout: 'Its silence.',
    cleared: 'Its availability topic was cleared.',
    projection: 'Changed mappings.'
  }),
  enumOf<Role>('DatapointRole', 'What a datapoint does to the latest one of its metric.', {
    state: 'It is the latest, if none was observed later.',
    event: 'It happened, and is no state.',
    historical: 'It was told late, and is never the latest.'
  }),
  enumOf<Clock>('Clock', 'Whose clock `observedAt` is from.', {
    device: "The device's.",
    received: 'Ours, since the device gave no time.',
    ahead: "Ours, since the device's is too far ahead to be true.",
    behind: "Ours, since the device's is too far behind to be true."
  }),
  enumOf<RejectionReason>(
    'RejectionReason',
    'Why a message, or a part of it, says nothing to a mapping.',
    rejectionReasons
  ),
  enumOf<MappingsView['mappings'][number]['merge']>(
    'MergePolicy',
    'What a message does to those before it.',
    {
      append: 'Nothing: it says what it says.',
      replace: 'What is not in it any more is null.',
      merge: 'It changes the document that they made (RFC 7396).',
      event: 'Nothing: it tells of events.'
    }
  ),
  enumOf<ProjectionState>('ProjectionState', 'Which version of devices and datapoints it is.', {
    building: 'It is being built, and will be the current one.',
    current: 'It is what is read.',
    retired: 'It is no longer read, and will be deleted.'
  }),
  enumOf<RedriveState>('RedriveState', 'How far a redrive is.', {
    pending: 'It waits for its turn.',
    running: 'It is at work.',
    done: 'Every message has been looked at.',
    failed: 'It gave up; `error` tells why.'
  }),
  enumOf<Redrive['mode']>('RedriveMode', 'How a redrive works.', {
    messages: 'The rejected messages alone are normalized again.',
    rebuild: 'The mapping has a memory, so everything is built anew.'
  }),
  enumOf<HistorySource>('HistorySource', 'What history was read from.', {
    raw: 'Datapoints.',
    minute: 'What those of each minute come to.',
    hour: 'What those of each hour come to.',
    day: 'What those of each day of UTC come to.'
  }),
  enumOf<'raw'>('HistorySourceWanted', 'What history is to be read from.', { raw: 'Datapoints.' }),
  // `null` may not be the name of a value
  new GraphQLEnumType({
    name: 'Fill',
    description: 'What stands where a bucket has no numbers.',
    values: {
      NULL: { value: 'null' satisfies Fill, description: 'Nothing.' },
      PREVIOUS: { value: 'previous' satisfies Fill, description: 'The value of the bucket before.' },
      LINEAR: {
        value: 'linear' satisfies Fill,
        description: 'What lies between the nearest buckets that have numbers.'
      }
    }
  })
]
