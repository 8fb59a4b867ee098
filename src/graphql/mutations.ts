/** Resolvers of the mutations. */

import { conditionProblem } from '../commands/condition.ts'
import { toRetry } from '../commands/retry.ts'
import { Problem } from '../errors.ts'
import { toCommandView } from '../command-views.ts'
import { invalid, isUuid } from './arguments.ts'
import type { CommandInput, ConditionInput, PayloadInput } from './command-input.ts'
import { readPayload, stringify } from './command-input.ts'
import type { OneSent } from './command-sending.ts'
import { createSender, toProblemView } from './command-sending.ts'
import type { Context } from './context.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface SendCommandInput extends CommandInput, ConditionInput {
  idempotencyKey?: string | null
  waitSeconds: number
}

interface RetainedArguments extends PayloadInput, ConditionInput {
  topic: string
  qos: number
  waitSeconds: number
}

interface RetryArguments {
  id: string
  idempotencyKey?: string | null
  waitSeconds: number
}

export function createMutations(parts: GraphqlParts): Resolvers {
  const { store, commands, limits } = parts
  const sender = createSender(parts)

  const writeRetained = (
    context: Context,
    input: CommandInput & ConditionInput,
    { waitSeconds, body }: Pick<OneSent, 'waitSeconds' | 'body'>
  ) =>
    sender.one(context, {
      read: () => sender.toRequest(context.access, input),
      idempotencyKey: null,
      waitSeconds,
      body,
      problemOf: conditionProblem
    })

  return {
    Mutation: {
      sendCommand: {
        resolve(_source, { input }: { input: SendCommandInput }, context) {
          const { idempotencyKey = null, waitSeconds, ...command } = input
          return sender.one(context, {
            read: () => sender.toRequest(context.access, command),
            idempotencyKey,
            waitSeconds,
            body: `sendCommand:${stringify([command])}`
          })
        }
      },
      sendCommands: {
        async resolve(
          _source,
          given: { inputs: CommandInput[]; idempotencyKey?: string | null },
          { access, trace }
        ) {
          const { inputs, idempotencyKey = null } = given
          if (inputs.length < 1 || inputs.length > limits.commandsPerRequestMax) {
            throw invalid('inputs', `Send 1 to ${limits.commandsPerRequestMax} commands at once`)
          }
          const { outcomes, cursor } = await sender.many(
            { access, trace },
            {
              reads: inputs.map((input) => () => sender.toRequest(access, input)),
              idempotencyKey,
              body: `sendCommands:${stringify(inputs)}`
            }
          )
          const results = outcomes.map((outcome) =>
            'problem' in outcome
              ? { command: null, problem: toProblemView(outcome.problem) }
              : { command: toCommandView(outcome.command), problem: null }
          )
          return { results, cursor }
        }
      },
      cancelCommand: {
        async resolve(_source, { id }: { id: string }, { access }) {
          if (!isUuid(id)) throw noSuchCommand()
          const command = await commands.cancel(access, id)
          return { command: toCommandView(command), cursor: store.cursors.encode(command.seq) }
        }
      },
      retryCommand: {
        resolve(_source, { id, idempotencyKey = null, waitSeconds }: RetryArguments, context) {
          if (!isUuid(id)) throw noSuchCommand()
          return sender.one(context, {
            read: () => toRetry(parts, context.access, id),
            idempotencyKey,
            waitSeconds,
            body: `retryCommand:${id}`
          })
        }
      },
      setRetained: {
        resolve(_source, given: RetainedArguments, context) {
          const { waitSeconds, ...message } = given
          const input = { ...message, retain: true }
          // [MQTT-3.3.1-6] no bytes would clear what is retained
          if (readPayload(input).length === 0)
            throw invalid('payload', 'To publish no bytes, use clearRetained')
          return writeRetained(context, input, { waitSeconds, body: 'setRetained' })
        }
      },
      clearRetained: {
        resolve(_source, { waitSeconds, ...given }: Omit<RetainedArguments, 'qos'>, context) {
          const input = { ...given, payloadBase64: '', qos: 1, retain: true }
          return writeRetained(context, input, { waitSeconds, body: 'clearRetained' })
        }
      }
    }
  }
}

const noSuchCommand = (): Problem => new Problem('not_found', 'There is no such command')
