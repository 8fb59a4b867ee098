/** All that the store knows of commands: accepting and moving them, their queue, batches, answers and reservations. */

import type { Limits } from '../limits.ts'
import type { Stats } from '../stats.ts'
import type { AnswerStore } from './answers.ts'
import { createAnswerStore } from './answers.ts'
import type { AppendQueue } from './append.ts'
import type { BatchStore } from './batches.ts'
import { createBatchStore } from './batches.ts'
import type { CommandQueue } from './command-queue.ts'
import { createCommandQueue } from './command-queue.ts'
import type { CommandStore } from './commands.ts'
import { createCommandStore } from './commands.ts'
import type { Database } from './database.ts'
import type { Guard } from './guard.ts'
import type { Reservations } from './reservations.ts'
import { createReservations } from './reservations.ts'

export interface CommandStores {
  commands: CommandStore
  commandQueue: CommandQueue
  batches: BatchStore
  answers: AnswerStore
  reservations: Reservations
}

export const createCommandStores = (parts: {
  database: Database
  queue: AppendQueue
  guard: Guard
  stats: Stats
  limits: Limits
}): CommandStores => {
  const { database, queue, guard, stats, limits } = parts
  return {
    commands: createCommandStore(database, queue, guard, stats, limits),
    commandQueue: createCommandQueue(database),
    batches: createBatchStore(database),
    answers: createAnswerStore(database.pool, limits),
    reservations: createReservations(database.pool, limits)
  }
}
