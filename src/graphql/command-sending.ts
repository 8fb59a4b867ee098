/** Sends commands for mutations, and waits for what becomes of them. */

import { isOver } from '../access/ended.ts'
import type { CommandOutcome, CommandRequest } from '../commands/commands.ts'
import { toCondition } from '../commands/condition.ts'
import type { Command } from '../command.ts'
import type { ProblemCode, ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import type { Access } from '../model.ts'
import type { CommandView } from '../command-views.ts'
import { toCommandView } from '../command-views.ts'
import { invalid } from './arguments.ts'
import type { CommandInput, ConditionInput } from './command-input.ts'
import { readCommand, readConditionInput } from './command-input.ts'
import type { Context } from './context.ts'
import type { GraphqlParts } from './parts.ts'

interface Sent {
  outcomes: CommandOutcome[]
  cursor: string
}

export interface ProblemView {
  code: ProblemCode
  detail: string
  errors: ProblemDetail[]
}

/** What is stored with an idempotency key, and what a repetition is answered from. */
type StoredOutcome = { id: string } | { problem: ProblemView }

/** Reads what is asked for; a repetition does not come to it. Its Problem is that of one command. */
export type ReadRequest = () => Promise<CommandRequest>

export interface OneSent {
  read: ReadRequest
  idempotencyKey: string | null
  waitSeconds: number
  /** Tells the same request from another one with the same key. */
  body: string
  /** Outcomes that are errors of the mutation. */
  problemOf?: (command: Command) => Problem | null
}

export interface Sender {
  many(
    context: Pick<Context, 'access' | 'trace'>,
    sent: Pick<OneSent, 'idempotencyKey' | 'body'> & { reads: ReadRequest[] }
  ): Promise<Sent>
  one(context: Context, sent: OneSent): Promise<{ command: CommandView; cursor: string }>
  /** Of an input, with its condition. */
  toRequest(access: Access, input: CommandInput & ConditionInput): Promise<CommandRequest>
}

export function createSender(
  parts: Pick<GraphqlParts, 'store' | 'commands' | 'toRequest' | 'limits'>
): Sender {
  const { store, commands, limits } = parts

  async function many(
    { access, trace }: Pick<Context, 'access' | 'trace'>,
    { reads, idempotencyKey, body }: Pick<OneSent, 'idempotencyKey' | 'body'> & { reads: ReadRequest[] }
  ): Promise<Sent> {
    checkKey(idempotencyKey, limits.idempotencyKeyCharsMax)
    const read = async (): Promise<Array<CommandRequest | Problem>> => {
      const requests: Array<CommandRequest | Problem> = []
      // One after the other: each may ask the database, and others do, too
      for (const one of reads) requests.push(await problemOr(one))
      return requests
    }
    let outcomes: CommandOutcome[] = []
    const accepted = await commands.accept(access, read, {
      idempotencyKey,
      // REST hashes the body as it came; the same key with a request of the other surface is another request
      body: `graphql:${body}`,
      trace,
      toAnswer: (all) => {
        outcomes = all
        return JSON.stringify(all.map(toStored))
      }
    })
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

  return {
    many,
    async one(context, { read, idempotencyKey, waitSeconds, body, problemOf }) {
      const { access, signal: gone } = context
      if (waitSeconds < 0 || waitSeconds > limits.waitSecondsMax) {
        throw invalid('waitSeconds', `waitSeconds is 0 to ${limits.waitSecondsMax}`)
      }
      const { outcomes, cursor } = await many(context, { reads: [read], idempotencyKey, body })
      const outcome = outcomes[0]!
      if ('problem' in outcome) throw outcome.problem
      if (waitSeconds === 0) return { command: toCommandView(outcome.command), cursor }
      const signal = AbortSignal.any([gone, AbortSignal.timeout(waitSeconds * 1_000)])
      const found = await commands.waitUntilFinal(access, outcome.command.id, signal)
      // Whoever is over is told that it was accepted, and no more
      const command = found === null || isOver(access) ? outcome.command : found
      const problem = problemOf?.(command) ?? null
      if (problem !== null) throw problem
      return {
        command: toCommandView(command),
        cursor: command.seq > 0 ? store.cursors.encode(command.seq) : cursor
      }
    },
    async toRequest(access, input) {
      const asked = readConditionInput(input)
      const ask = readCommand(input, limits)
      if (asked.match === null && !asked.none) return parts.toRequest(access, ask)
      if (ask.kind === 'device')
        throw invalid('ifMatch', 'ifMatch and ifNoneMatch go with a topic: they are about its state')
      const condition = await toCondition(asked, () => store.states.byName(access, ask.topic))
      return parts.toRequest(access, { ...ask, condition })
    }
  }
}

const toStored = (outcome: CommandOutcome): StoredOutcome =>
  'problem' in outcome ? { problem: toProblemView(outcome.problem) } : { id: outcome.command.id }

export const toProblemView = ({ code, message, errors }: Problem): ProblemView => ({
  code,
  detail: message,
  errors
})

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
