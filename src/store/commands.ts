/** Commands: accepting them, moving them, reading them. The lifecycle itself is commands/lifecycle.ts. */

import type { Command, CommandState, CommandTransition } from '../command.ts'
import type { Limits } from '../limits.ts'
import type { Access, Seq } from '../model.ts'
import { factKinds } from '../model.ts'
import type { Stats } from '../stats.ts'
import { countCommand } from '../stats.ts'
import type { Accepted, AtOnce } from './accept.ts'
import { createAccept } from './accept.ts'
import type { IdempotencyClaim, NewCommand } from './accept-commands.ts'
import type { AppendQueue } from './append.ts'
import type { NewBatch } from './append-command-batch.ts'
import { besideBatch } from './append-command-batch.ts'
import type { NewTransition, TransitionRow } from './append-commands.ts'
import { transitionStatement } from './append-commands.ts'
import type { CommandRow } from './command-rows.ts'
import { toReadCommand } from './command-rows.ts'
import type { CommandsAsk, CommandsPage } from './commands-page.ts'
import { createCommandsPage } from './commands-page.ts'
import type { Database } from './database.ts'
import type { Guard } from './guard.ts'
import { besideCondition } from './reservations.ts'
import type { Lease } from './sessions.ts'

export type { AtOnce } from './accept.ts'
export type { IdempotencyClaim, NewCommand } from './accept-commands.ts'
export type { NewTransition } from './append-commands.ts'
export type { CommandsAsk } from './commands-page.ts'

/** What a request with this Idempotency-Key was answered. */
export interface Acceptance {
  bodyHash: Buffer
  answer: string
}

export interface CommandStore {
  /**
   * Stores all of them in one transaction, with their batch, where there is one; false when the claim is taken, or the
   * condition does not hold (only a command that is accepted alone may have one), and then none. Those in `atOnce` are stored
   * as being published, where nothing of their key is before them, and who led then still leads.
   */
  accept(
    commands: readonly NewCommand[],
    claim: IdempotencyClaim | null,
    options?: { batch?: NewBatch | null; atOnce?: AtOnce | null }
  ): Promise<Accepted>
  acceptance(principal: string, key: string): Promise<Acceptance | null>
  /**
   * Moves those that are in a state the transition begins at; returns the ids that moved. Under `lease`, where it is given:
   * throws FencedError, and moves none, when another instance leads.
   */
  move(transitions: readonly NewTransition[], lease?: Lease): Promise<Set<string>>
  byId(access: Access, id: string): Promise<Command | null>
  page(access: Access, ask: CommandsAsk): Promise<CommandsPage>
  /** Transitions of each command, oldest first. */
  events(ids: readonly string[]): Promise<Map<string, Array<{ seq: Seq; at: number } & CommandTransition>>>
  /** Accepted and not final. */
  countOpen(): Promise<number>
  /** Those, by state; a state that none is in is absent. */
  countOpenByState(): Promise<Map<CommandState, number>>
  /** Deletes final commands that are older than the system's facts are kept; returns how many. */
  forgetFinal(): Promise<number>
}

export function createCommandStore(
  { pool, prisma }: Database,
  queue: AppendQueue,
  guard: Guard,
  stats: Stats,
  limits: Limits
): CommandStore {
  const accept = createAccept({ pool, queue, guard, limits })
  return {
    accept(commands, claim, { batch = null, atOnce = null } = {}) {
      const beside =
        batch === null ? besideCondition(commands, limits.reservationSeconds) : besideBatch(batch)
      return accept({ commands, claim }, beside, atOnce)
    },

    async acceptance(principal, key) {
      const row = await prisma.idempotencyKey.findUnique({ where: { principal_key: { principal, key } } })
      return row === null ? null : { bodyHash: Buffer.from(row.bodyHash), answer: row.answer }
    },

    async move(transitions, lease) {
      const used = lease?.guard ?? guard
      const rows = await queue.push<TransitionRow>(used, async () => transitionStatement(transitions, used), {
        patient: true,
        ahead: true,
        ...(lease && { signal: lease.ended.signal })
      })
      if (rows !== null) return count(rows, stats)
      const stored = await prisma.command.findMany({
        where: { id: { in: transitions.map((transition) => transition.id) } },
        select: { id: true, state: true }
      })
      const states = new Map(stored.map((row) => [row.id, row.state]))
      return new Set(
        transitions.filter(({ id, to }) => to === null || states.get(id) === to).map((move) => move.id)
      )
    },

    async byId(access, id) {
      const row = await prisma.command.findUnique({ where: { id } })
      return row === null ? null : toReadCommand(row as CommandRow, access)
    },

    page: createCommandsPage({ pool, prisma }, limits),

    async events(ids) {
      const { rows } = await pool.query<{ seq: Seq; at: Date; detail: CommandTransition }>({
        name: 'command_events',
        text: `select seq, at, detail from journal where command_id = any ($1::uuid[]) and kind = $2 order by seq`,
        values: [ids, factKinds.command]
      })
      const events = new Map<string, Array<{ seq: Seq; at: number } & CommandTransition>>(
        ids.map((id) => [id, []])
      )
      for (const row of rows)
        events.get(row.detail.id)?.push({ seq: row.seq, at: row.at.getTime(), ...row.detail })
      return events
    },

    countOpen: () => prisma.command.count({ where: { finishedAt: null } }),

    async countOpenByState() {
      const { rows } = await pool.query<{ state: CommandState; count: number }>(
        'select state, count(*) from commands where finished_at is null group by state'
      )
      return new Map(rows.map(({ state, count: commands }) => [state, commands]))
    },

    async forgetFinal() {
      const { rowCount } = await pool.query(
        // Those of a batch go when it has gone, so that what it says of them is true as long as it is there
        `delete from commands where finished_at < now() - make_interval(secs => (
           select keep_seconds from retention_classes where name = 'system'))
           and not exists (select from batches where id = batch_id)`
      )
      return rowCount ?? 0
    }
  }
}

/** The ids of those that moved. */
function count(rows: readonly TransitionRow[], stats: Stats): Set<string> {
  const moved = new Set<string>()
  for (const { id, state, ended } of rows) {
    if (id === null) continue
    moved.add(id)
    if (ended === true) countCommand(stats, state!)
  }
  return moved
}
