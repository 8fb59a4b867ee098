/** Batches as clients ask for them and see them, in openapi.yaml. */

import { Type } from 'typebox'
import type { TSchema } from 'typebox'
import { batchStates } from '../command-batch.ts'
import { commandStates } from '../command.ts'
import { encodings } from '../commands/encode-payload.ts'
import type { Limits } from '../limits.ts'
import { termsSchema } from './command-body.ts'
import { named, nullable, page, ref, text, time, word } from './schemas.ts'

const count = (description: string): TSchema => Type.Integer({ minimum: 0, description })
const share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description })
const stopAfter = (limits: Limits) =>
  Type.Integer({
    minimum: 1,
    maximum: limits.batchDevicesMax,
    description: `The share is judged once so many commands are final. Default ${limits.batchStopAfterDefault}`
  })

export function batchSchema(limits: Limits) {
  const { notBefore, timeoutSeconds, delivery, awaits } = termsSchema(limits)
  return Type.Object(
    {
      devices: Type.Optional(
        Type.Array(Type.String({ minLength: 1 }), {
          maxItems: limits.batchDevicesMax,
          description:
            'Names of devices: `*` is any run of characters, and `\\` makes the next one itself. Those of the first become due ' +
            'first, and then by name. None: all that `where` holds of',
          examples: [['press-*']]
        })
      ),
      where: Type.Optional(
        Type.String({
          description:
            'Only devices that this holds of when the batch is accepted, as in the list of devices',
          examples: ['eq(presence,"online")']
        })
      ),
      name: Type.String({ minLength: 1, description: 'Name of the command, which each device must have' }),
      payload: Type.Optional(Type.Unknown({ description: 'As of a command to one device' })),
      encoding: Type.Optional(word(encodings, 'How `payload` is sent, as of a command to one device')),
      payloadBase64: Type.Optional(
        Type.String({ contentEncoding: 'base64', description: 'The bytes, instead of `payload`' })
      ),
      expiresInSeconds: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: limits.commandExpirySecondsMax,
          description: 'Each is not published after that, counted from when it is due'
        })
      ),
      notBefore,
      timeoutSeconds,
      delivery,
      awaits,
      ratePerSecond: Type.Optional(
        Type.Number({
          minimum: limits.batchRatePerSecondMin,
          maximum: limits.batchRatePerSecondMax,
          description: 'So many commands become due in a second. Absent: all at once'
        })
      ),
      stopAtFailureShare: Type.Optional(
        share(
          'Nothing more is published once this share of the commands that are final has failed; 0: once any has. Absent: ' +
            'never. Commands that were published before they could fail are not called back, so give a rate'
        )
      ),
      stopAfter: Type.Optional(stopAfter(limits))
    },
    {
      $id: 'BatchRequest',
      title: 'BatchRequest',
      description:
        'One command to many devices: those that are named, or that `where` holds of, or both. Exactly one of `payload` ' +
        'and `payloadBase64`.',
      additionalProperties: false
    }
  )
}

export const batchState = word(
  batchStates,
  'running: commands of it are published as they are due, or waited for. stopped: too many failed; cancelled: a client ' +
    'said so; nothing more is published, and what was published is still waited for until `finishedAt`. finished: ' +
    'nothing more happens'
)

const batch = (limits: Limits): TSchema =>
  named('Batch', 'One command to many devices, and how far it is.', {
    id: Type.String({ format: 'uuid' }),
    state: batchState,
    name: text('Name of the command'),
    devices: Type.Array(Type.String(), { description: 'Names of devices as asked for, with `*`' }),
    where: nullable(text('What had to hold of them')),
    ratePerSecond: nullable(
      Type.Number({ description: 'Commands that become due in a second; null: all at once' })
    ),
    stopAtFailureShare: nullable(share('Share of failures that it stops at; null: none')),
    stopAfter: nullable(stopAfter(limits)),
    total: count('Devices that it is for: `accepted` and `notAccepted`'),
    accepted: count('Devices with a command'),
    notAccepted: count('Devices without: they do not have it, or refuse its parameters. See the outcomes'),
    counts: Type.Object(
      Object.fromEntries(commandStates.map((state) => [state, Type.Integer({ minimum: 0 })])),
      { description: 'Commands in each state' }
    ),
    final: count('Commands that nothing more will happen to'),
    failures: count('Of these: failed, timedOut, undeliverable, refused, expired and unknown'),
    failureShare: nullable(share('`failures` of all that are final and not cancelled; null: there are none')),
    reason: nullable(text('Why it was stopped or cancelled')),
    createdAt: time('When it was accepted'),
    finishedAt: nullable(time('When its last command became final')),
    principal: text('Who asked')
  })

const outcome = named(
  'BatchOutcome',
  'Of one device: its command, or why there is none. One of the two is null.',
  {
    device: text('Name of the device'),
    command: nullable(ref('Command')),
    problem: nullable(ref('Problem'))
  }
)

export const batchSchemas = (limits: Limits): readonly TSchema[] => [
  batchSchema(limits),
  batch(limits),
  outcome,
  page('BatchPage', 'Batch', 'Batches, and the newest position when the first page was read.'),
  page(
    'BatchOutcomePage',
    'BatchOutcome',
    'Outcomes of the devices of a batch: those with a command in the order in which they become due, then the others.'
  )
]
