/** Resolvers of the mutations. */

import type { CommandOutcome, CommandRequest } from '../commands/commands.ts'
import type { ProblemCode, ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'
import type { CommandView } from '../command-views.ts'
import { toCommandView } from '../command-views.ts'
import { toSeq } from '../views.ts'
import { invalid, isUuid } from './arguments.ts'
import type { CommandInput, PayloadInput } from './command-input.ts'
import { readCommand, readPayload, stringify } from './command-input.ts'
import type { Context } from './context.ts'
import type { Resolvers } from './executable.ts'
import type { GraphqlParts } from './parts.ts'

interface SendCommandInput extends CommandInput {
  idempotencyKey?: string | null
  waitSeconds: number
}

interface RetainedArguments extends PayloadInput {
  topic: string
  qos: number
  ifMatch?: string | null
  waitSeconds: number
}

interface Sent {
  outcomes: CommandOutcome[]
  cursor: string
}

interface ProblemView {
  code: ProblemCode
  detail: string
  errors: ProblemDetail[]
}

/** What is stored with an idempotency key, and what a repetition is answered from. */
type StoredOutcome = { id: string } | { problem: ProblemView }

export function createMutations(parts: GraphqlParts): Resolvers {
  const { store, commands, limits } = parts

  async function send(
    access: Access,
    inputs: CommandInput[],
    idempotencyKey: string | null,
    name: string
  ): Promise<Sent> {
    checkKey(idempotencyKey, limits.idempotencyKeyCharsMax)
    // REST hashes the body as it came; the same key with a request of the other surface is another request
    const body = `graphql:${name}:${stringify(inputs)}`
    const read = async (): Promise<Array<CommandRequest | Problem>> => {
      const requests: Array<CommandRequest | Problem> = []
      // One after the other: each may ask the database, and others do, too
      for (const input of inputs)
        requests.push(await problemOr(async () => parts.toRequest(access, readCommand(input, limits))))
      return requests
    }
    let outcomes: CommandOutcome[] = []
    const accepted = await commands.accept(access, read, {
      idempotencyKey,
      body,
      toAnswer: (all) => {
        outcomes = all
        return JSON.stringify(all.map(toStored))
      }
    })
    if (accepted.seq > 0) parts.wakeDispatcher()
    const cursor = store.cursors.encode(accepted.seq > 0 ? accepted.seq : (await store.journal.head()).seq)
    return { outcomes: accepted.repeated ? await recall(access, accepted.answer) : outcomes, cursor }
  }

  /** The same commands again, as they are by now. */
  async function recall(access: Access, answer: string): Promise<Sent['outcomes']> {
    const stored = JSON.parse(answer) as StoredOutcome[]
    return Promise.all(
      stored.map(async (outcome) => {
        if ('problem' in outcome) {
          const { code, detail, errors } = outcome.problem
          return { problem: new Problem(code, detail, errors) }
        }
        const command = await store.commands.byId(access, outcome.id)
        if (command !== null) return { command }
        return { problem: new Problem('not_found', 'The command was accepted, and is no longer kept') }
      })
    )
  }

  async function sendOne(
    context: Context,
    input: CommandInput,
    {
      idempotencyKey,
      waitSeconds,
      name
    }: { idempotencyKey: string | null; waitSeconds: number; name: string }
  ): Promise<{ command: CommandView; cursor: string }> {
    if (waitSeconds < 0 || waitSeconds > limits.waitSecondsMax) {
      throw invalid('waitSeconds', `waitSeconds is 0 to ${limits.waitSecondsMax}`)
    }
    const { outcomes, cursor } = await send(context.access, [input], idempotencyKey, name)
    const outcome = outcomes[0]!
    if ('problem' in outcome) throw outcome.problem
    if (waitSeconds === 0) return { command: toCommandView(outcome.command), cursor }
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(waitSeconds * 1_000)])
    const command =
      (await commands.waitUntilFinal(context.access, outcome.command.id, signal)) ?? outcome.command
    return {
      command: toCommandView(command),
      cursor: command.seq > 0 ? store.cursors.encode(command.seq) : cursor
    }
  }

  /** Fails unless the topic's state is the one that the client has seen. */
  async function checkMatch(
    access: Access,
    topic: string,
    ifMatch: string | null | undefined
  ): Promise<void> {
    if (ifMatch == null) return
    const state = await store.states.byName(access, topic)
    if (ifMatch === '*' ? state?.retained != null : state !== null && ifMatch === toSeq(state.seq)) return
    const now = state === null ? 'nothing is known of this topic' : `its state has seq ${state.seq}`
    throw new Problem('precondition_failed', `Read it again and decide again: ${now}`)
  }

  return {
    Mutation: {
      sendCommand: {
        resolve(_source, { input }: { input: SendCommandInput }, context) {
          const { idempotencyKey = null, waitSeconds, ...command } = input
          return sendOne(context, command, { idempotencyKey, waitSeconds, name: 'sendCommand' })
        }
      },
      sendCommands: {
        async resolve(
          _source,
          given: { inputs: CommandInput[]; idempotencyKey?: string | null },
          { access }
        ) {
          const { inputs, idempotencyKey = null } = given
          if (inputs.length < 1 || inputs.length > limits.commandsPerRequestMax) {
            throw invalid('inputs', `Send 1 to ${limits.commandsPerRequestMax} commands at once`)
          }
          const { outcomes, cursor } = await send(access, inputs, idempotencyKey, 'sendCommands')
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
          if (!isUuid(id)) throw new Problem('not_found', 'There is no such command')
          const command = await commands.cancel(access, id)
          return { command: toCommandView(command), cursor: store.cursors.encode(command.seq) }
        }
      },
      setRetained: {
        async resolve(_source, given: RetainedArguments, context) {
          const { ifMatch, waitSeconds, ...message } = given
          const input = { ...message, retain: true }
          // [MQTT-3.3.1-6] no bytes would clear what is retained
          if (readPayload(input).length === 0)
            throw invalid('payload', 'To publish no bytes, use clearRetained')
          await checkMatch(context.access, given.topic, ifMatch)
          return sendOne(context, input, { idempotencyKey: null, waitSeconds, name: 'setRetained' })
        }
      },
      clearRetained: {
        async resolve(_source, { topic, ifMatch, waitSeconds }: Omit<RetainedArguments, 'qos'>, context) {
          await checkMatch(context.access, topic, ifMatch)
          const input = { topic, payloadBase64: '', qos: 1, retain: true }
          return sendOne(context, input, { idempotencyKey: null, waitSeconds, name: 'clearRetained' })
        }
      }
    }
  }
}

const toStored = (outcome: CommandOutcome): StoredOutcome =>
  'problem' in outcome ? { problem: toProblemView(outcome.problem) } : { id: outcome.command.id }

const toProblemView = ({ code, message, errors }: Problem): ProblemView => ({ code, detail: message, errors })

async function problemOr(read: () => Promise<CommandRequest>): Promise<CommandRequest | Problem> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}

export function checkKey(key: string | null, charsMax: number): void {
  if (key !== null && (key.length > charsMax || !/^[\x20-\x7e]+$/.test(key))) {
    throw invalid('idempotencyKey', `An idempotencyKey has 1 to ${charsMax} printable ASCII characters`)
  }
}
