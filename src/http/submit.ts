/** From an accepted command to the answer: at once, or when the client has waited long enough. */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { isOver, withEnd } from '../access/ended.ts'
import type { CommandRequest } from '../commands/commands.ts'
import { isFinal } from '../commands/lifecycle.ts'
import type { Command } from '../command.ts'
import { toCommandView } from '../command-views.ts'
import type { Problem } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { RouteParts } from './parts.ts'
import type { Preference } from './prefer.ts'
import { goneSignal } from './reads.ts'

/** Of routes about one command. */
export const commandParams = Type.Object({
  id: Type.String({ format: 'uuid', description: '`id` of a Command' })
})

export const idempotencyHeader = (
  limits: Pick<Limits, 'idempotencyKeyCharsMax' | 'idempotencyKeyHours'>
) => ({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: `^[\\x20-\\x7e]{1,${limits.idempotencyKeyCharsMax}}$`,
      description: `Printable characters, remembered for ${limits.idempotencyKeyHours} hours`
    })
  )
})

export interface Submission {
  /** A function is not asked when the request is a repetition. */
  command: CommandRequest | (() => Promise<CommandRequest>)
  idempotencyKey: string | null
  /** Tells the same request from another one with the same key. */
  body: string
  preference: Preference
  /** Without a preference. */
  waitSecondsDefault: number
  /** Outcomes that are answered with 200. */
  isDone: (command: Command) => boolean
  /** Outcomes that are answered with a problem; null: not this one. */
  problemOf?: (command: Command) => Problem | null
}

/** 200 with the outcome, or 202 with the command as it was accepted: the same bytes whenever the request is repeated. */
export async function submit(
  parts: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  submission: Submission
): Promise<FastifyReply> {
  const { store, commands } = parts
  const { command, idempotencyKey, body, preference, waitSecondsDefault, isDone } = submission
  const { answer, seq } = await commands.accept(
    request.access,
    typeof command === 'function' ? async () => [await command()] : [command],
    {
      idempotencyKey,
      body,
      trace: request.trace,
      toAnswer([outcome]) {
        if ('problem' in outcome!) throw outcome.problem
        return JSON.stringify(toCommandView(outcome!.command))
      }
    }
  )
  const { id } = JSON.parse(answer) as { id: string }
  const outcome = await awaitOutcome(parts, request, reply, id, preference.waitSeconds ?? waitSecondsDefault)
  const problem = outcome === null ? null : (submission.problemOf?.(outcome) ?? null)
  if (problem !== null) throw problem
  const position = outcome?.seq ?? (seq || (await store.journal.head()).seq)
  void reply.headers({ location: `/v1/commands/${id}`, 'rialto-cursor': store.cursors.encode(position) })
  if (preference.applied !== null) void reply.header('preference-applied', preference.applied)
  return reply
    .code(outcome !== null && isDone(outcome) ? 200 : 202)
    .type('application/json')
    .send(outcome === null ? answer : JSON.stringify(toCommandView(outcome)))
}

/**
 * The command when it is final in time; null when it is not, the client has gone, the server closes, or who asks is over: it
 * was accepted all the same.
 */
async function awaitOutcome(
  { commands, closing }: RouteParts,
  request: FastifyRequest,
  reply: FastifyReply,
  id: string,
  seconds: number
): Promise<Command | null> {
  if (seconds === 0) return null
  const { access } = request
  const signal = withEnd(access, goneSignal(reply), closing, AbortSignal.timeout(seconds * 1_000))
  const command = await commands.waitUntilFinal(access, id, signal)
  return command !== null && isFinal(command) && !isOver(access) ? command : null
}
