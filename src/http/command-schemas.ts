/** Commands as clients see them, in openapi.yaml. */

import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import type { CommandEvent } from '../command.ts'
import { awaitsKinds, commandStates, deliveries } from '../command.ts'
import { named, nullable, page, payloadFields, qos, ref, seq, text, time, word } from './schemas.ts'

const reasonCode = Type.Integer({ minimum: 0, maximum: 255, description: "The broker's MQTT 5 reason code" })
const state = word(commandStates, 'Where it is; a final state never changes')

const commandEvents = [
  'submit',
  'due',
  'publish',
  'accept',
  'deliverToNobody',
  'refuse',
  'lose',
  'abandon',
  'expire',
  'cancel',
  'succeed',
  'fail',
  'timeOut',
  'restore',
  'answerLate'
] as const satisfies ReadonlyArray<CommandEvent | 'submit'>

const commandEvent = named('CommandEvent', 'A transition of a command.', {
  id: Type.String({ format: 'uuid' }),
  seq: seq('Position of the transition'),
  at: time('When it was committed'),
  topic: Type.String(),
  from: Type.Unsafe({
    type: ['string', 'null'],
    enum: [...commandStates, null],
    description: 'null: its acceptance'
  }),
  to: state,
  event: Type.Unsafe({
    type: ['string', 'null'],
    enum: [...commandEvents, null],
    description:
      'What happened. `answerLate`: a response came when it was final by other means; `from` and `to` are the same. ' +
      'null: it was committed before this was recorded'
  }),
  final: Type.Boolean({ description: 'True once nothing more will happen' }),
  attempt: Type.Integer({ minimum: 0 }),
  brokerReasonCode: nullable(reasonCode),
  reason: nullable(text('Why it was refused, or failed')),
  responseSeq: nullable(seq('The message that was the response')),
  effectSeq: nullable(seq('The fact that showed the effect')),
  traceparent: nullable(text('As of the command'))
})

const command = named('Command', 'A request to publish a message, and what became of it.', {
  id: Type.String({ format: 'uuid' }),
  topic: Type.String(),
  device: nullable(text('Of a command to a device: its name')),
  name: nullable(text('Of a command to a device: name of the command')),
  qos,
  retain: Type.Boolean(),
  delivery: word(deliveries, 'Whether it is published again where nobody knows whether the broker has it'),
  state,
  final: Type.Boolean({ description: 'True once nothing more will happen' }),
  awaits: word(awaitsKinds, 'What it waits for after it is published'),
  attempts: Type.Integer({ minimum: 0, description: 'Times that it was handed to the broker' }),
  createdAt: time('When it was accepted'),
  notBefore: nullable(time('It is not published before this')),
  expiresAt: nullable(time('It is not published after this')),
  publishedAt: nullable(time('When the broker acknowledged it')),
  timeoutSeconds: nullable(
    Type.Integer({ minimum: 1, description: 'How long it waits for what it awaits, from `publishedAt` on' })
  ),
  timeoutAt: nullable(time('When it stops waiting')),
  finishedAt: nullable(time('When it became final')),
  brokerReasonCode: nullable(reasonCode),
  response: nullable(
    ref('Message'),
    'What the device said. null also for who may not read the topic on which it came'
  ),
  lateResponse: nullable(
    ref('Message'),
    'What it said when the command was final by other means: the first of these'
  ),
  effectSeq: nullable(seq('The fact that showed its effect')),
  reason: nullable(text('Why it was refused, or failed')),
  retryOf: nullable(Type.String({ format: 'uuid', description: 'The command that this one repeats' })),
  batchId: nullable(Type.String({ format: 'uuid', description: 'Shared by commands of one request' })),
  traceparent: nullable(
    text('W3C trace context of its message: the trace that it belongs to, and the span that it came from')
  ),
  principal: text('Who asked'),
  ...payloadFields,
  events: Type.Optional(
    Type.Array(ref('CommandEvent'), { description: 'Only where one command is read by its id' })
  )
})

const commandOutcomes = named(
  'CommandOutcomes',
  'For each command of the request, in order: the command, or the problem.',
  {
    items: Type.Array(
      Type.Union([Type.Object({ command: ref('Command') }), Type.Object({ problem: ref('Problem') })])
    )
  }
)

export const commandSchemas: readonly TSchema[] = [
  commandEvent,
  command,
  commandOutcomes,
  page('CommandPage', 'Command', 'Commands, and the newest position when the first page was read.')
]
