/** Batches: commands to many devices by one request, with an outcome for each; and cancelling what is left of one. */

import { randomUUID } from 'node:crypto'
import type { DeviceAsk } from '../command-ask.ts'
import type { BatchRefusal, CommandBatch, StopRule } from '../command-batch.ts'
import { Problem } from '../errors.ts'
import type { Feed } from '../feed/feed.ts'
import type { Limits } from '../limits.ts'
import type { Access, Millis } from '../model.ts'
import type { NamePattern } from '../predicate/name-pattern.ts'
import type { Predicate } from '../predicate/predicate.ts'
import type { NewBatch } from '../store/append-command-batch.ts'
import type { Store } from '../store/store.ts'
import { mayCommand } from '../visibility.ts'
import { checkDelay, spread } from './batch-rate.ts'
import { cancelRest } from './batch-runner.ts'
import type { AcceptOptions, Accepted, CommandOutcome, CommandRequest, Commands } from './commands.ts'
import type { ToRequest } from './requests.ts'

/** What a client asks for, whatever surface it came by. Expiry is counted from when each command is due. */
export interface BatchAsk {
  /** Any of these; none: every device that `where` holds of. */
  devices: readonly NamePattern[]
  /** Asked of devices as they are now; null: all that are named. */
  where: Predicate | null
  /** To each of them. */
  command: Omit<DeviceAsk, 'kind' | 'device'>
  /** `batchRatePerSecondMin` to `batchRatePerSecondMax`; null: all are due at once. */
  ratePerSecond: number | null
  stop: StopRule | null
}

export interface Batches {
  /**
   * Accepts a command for each device that takes it, in one transaction, and the batch with them. Throws Problem
   * invalid_value where there is none, or more than `batchDevicesMax`; too_many_requests; and idempotency_mismatch.
   */
  send(
    access: Access,
    ask: BatchAsk,
    options: {
      idempotencyKey: string | null
      /** Tells the same request from another one with the same key. */
      body: string
      trace: AcceptOptions['trace']
      /** What the request is answered, now and whenever it is repeated with the same key. */
      toAnswer: (batch: CommandBatch) => string
    }
  ): Promise<Accepted>
  /**
   * Nothing of it is published any more; returns the batch when all that could be cancelled is. Throws Problem not_found,
   * not_cancellable where it has ended, or forbidden where there is a topic among them that must not be published to.
   */
  cancel(access: Access, id: string): Promise<CommandBatch>
}

/** For each device: the request, or why there is none. */
interface Rendered {
  chosen: { device: string; topic: string | null }
  request: CommandRequest | Problem
}

export function createBatches(parts: {
  store: Pick<Store, 'batches' | 'commands' | 'devices'>
  feed: Pick<Feed, 'hint'>
  commands: Pick<Commands, 'accept'>
  toRequest: ToRequest
  limits: Limits
  now?: () => Millis
}): Batches {
  const { store, commands, limits, now = Date.now } = parts

  async function choose(access: Access, ask: BatchAsk): Promise<Rendered['chosen'][]> {
    const { devices, where } = ask
    if (devices.length === 0 && where === null)
      throw refuse('/devices', 'or /where must be given; for every device, ["*"]')
    const found = await store.devices.chosen(access, { devices, where })
    // With `where`, it may be there, and not be meant
    const names = new Set(found.map(({ device }) => device))
    const missing = devices.flatMap(({ exact }) =>
      where !== null || exact === null || names.has(exact) ? [] : [{ device: exact, topic: null }]
    )
    const all = inOrder([...found, ...missing], devices)
    if (all.length === 0) throw refuse('/devices', 'and /where are true of no device')
    if (all.length <= limits.batchDevicesMax) return all
    throw refuse(
      '/devices',
      `are ${all.length}, and a batch has at most ${limits.batchDevicesMax}: narrow them by name or by where, and send ` +
        'several batches'
    )
  }

  async function render(access: Access, ask: BatchAsk): Promise<Rendered[]> {
    if ((await store.batches.countOpen()) >= limits.batchesOpenMax)
      throw new Problem(
        'too_many_requests',
        `${limits.batchesOpenMax} batches are open; wait until some finish`
      )
    checkDelay(ask, 1, limits, now())
    const chosen = await choose(access, ask)
    checkDelay(ask, chosen.length, limits, now())
    const rendered: Rendered[] = []
    // One after the other: each may ask the database, and others do, too
    for (const one of chosen)
      rendered.push({ chosen: one, request: await orProblem(access, ask, one.device) })
    return rendered
  }

  async function orProblem(
    access: Access,
    { command }: BatchAsk,
    device: string
  ): Promise<CommandRequest | Problem> {
    try {
      // When it is due, its place in the batch says
      return await parts.toRequest(access, { ...command, notBefore: null, kind: 'device', device })
    } catch (error) {
      // What has to do with the device, and not with how the service does
      if (error instanceof Problem && error.status < 500 && error.code !== 'too_many_requests') return error
      throw error
    }
  }

  return {
    async send(access, ask, { idempotencyKey, body, trace, toAnswer }) {
      const id = randomUUID()
      let rendered: Rendered[] = []
      let row: NewBatch | null = null
      const requests = async (): Promise<Array<CommandRequest | Problem>> => {
        rendered = await render(access, ask)
        return spread(
          rendered.map(({ request }) => request),
          ask,
          now()
        )
      }
      const toRow = (outcomes: readonly CommandOutcome[]): NewBatch => {
        const { devices, where, command, ratePerSecond, stop } = ask
        return (row ??= {
          id,
          principal: access.principal,
          devices: devices.map(({ text }) => text),
          where: where && where.text,
          name: command.name,
          ratePerSecond,
          stop,
          refusals: outcomes.flatMap((outcome, n) =>
            'problem' in outcome ? [toRefusal(rendered[n]!.chosen, outcome.problem, limits)] : []
          ),
          createdAt: now()
        })
      }
      return commands.accept(access, requests, {
        idempotencyKey,
        body,
        trace,
        batch: { id, toRow },
        toAnswer(outcomes) {
          const accepted = outcomes.flatMap((outcome) => ('command' in outcome ? [outcome.command] : []))
          const stored = toRow(outcomes)
          if (accepted.length === 0) throw noneAccepted(stored.refusals, limits)
          const scheduled = accepted.filter(({ state }) => state === 'scheduled').length
          const counts = { scheduled, pending: accepted.length - scheduled }
          return toAnswer({
            ...stored,
            seq: 0,
            accepted: accepted.length,
            state: 'running',
            reason: null,
            finishedAt: null,
            counts,
            final: 0
          })
        }
      })
    },

    async cancel(access, id) {
      const batch = await store.batches.byId(access, id)
      if (batch === null) throw noSuchBatch()
      if (batch.state !== 'running') throw notCancellable(batch)
      const left = await store.batches.left(id, 0, limits.batchDevicesMax)
      if (!left.every((command) => mayCommand(access, command)))
        throw new Problem('forbidden', 'This key may not publish to the topics of all that is left of it')
      const reason = `batch_cancelled: by ${access.principal}`
      const ended = await store.batches.end(id, 'cancelled', reason, access)
      if (ended) await cancelRest(parts, id, reason)
      const after = await store.batches.byId(access, id)
      if (after === null) throw noSuchBatch()
      if (!ended) throw notCancellable(after)
      return after
    }
  }
}

/** By the first pattern that a name is meant by, so that some can be tried first; and then by name. */
function inOrder(
  chosen: ReadonlyArray<Rendered['chosen']>,
  patterns: readonly NamePattern[]
): Rendered['chosen'][] {
  const places = new Map(
    chosen.map(({ device }) => [device, patterns.findIndex((pattern) => pattern.test(device))])
  )
  return chosen.toSorted(
    (a, b) => places.get(a.device)! - places.get(b.device)! || (a.device < b.device ? -1 : 1)
  )
}

export const noSuchBatch = (): Problem =>
  new Problem(
    'not_found',
    'There is no such batch. Commands of one POST /v1/commands share a batchId as well, and are found by it in their list'
  )

const notCancellable = ({ state }: CommandBatch): Problem =>
  new Problem('not_cancellable', `The batch is ${state}: only one that is running can be cancelled`)

function toRefusal({ device, topic }: Rendered['chosen'], problem: Problem, limits: Limits): BatchRefusal {
  const { batchRefusalCharsMax: max, batchRefusalErrorsMax } = limits
  const errors = problem.errors
    .slice(0, batchRefusalErrorsMax)
    .map(({ pointer, detail }) => ({ pointer: shorten(pointer, max), detail: shorten(detail, max) }))
  return { device, topic, code: problem.code, detail: shorten(problem.message, max), errors }
}

const shorten = (text: string, charsMax: number): string =>
  text.length <= charsMax ? text : `${text.slice(0, charsMax).toWellFormed()}…`

/** The code of them all, where they have one. */
function noneAccepted(refusals: readonly BatchRefusal[], limits: Limits): Problem {
  const codes = new Set(refusals.map(({ code }) => code))
  const [code] = codes
  return new Problem(
    codes.size === 1 ? code! : 'invalid_value',
    `None of ${refusals.length} devices takes this command. ${refusals[0]!.device}: ${refusals[0]!.detail}`,
    refusals.slice(0, limits.batchRefusalErrorsMax).map(({ device, detail, errors }) => ({
      pointer: errors[0]?.pointer ?? '/devices',
      detail: `${device}: ${errors[0]?.detail ?? detail}`
    }))
  )
}

const refuse = (pointer: string, detail: string): Problem =>
  new Problem('invalid_value', `${pointer} ${detail}`, [{ pointer, detail }])
