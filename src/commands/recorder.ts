/** Records what became of commands: what comes while a write is under way goes with the next one. */

import type { NewTransition } from '../store/commands.ts'

export interface Recorder {
  /** Resolves when it is stored. */
  record(transition: NewTransition): Promise<void>
}

interface Entry {
  transition: NewTransition
  resolve: () => void
  reject: (error: unknown) => void
}

export function createRecorder(parts: {
  write: (transitions: readonly NewTransition[]) => Promise<unknown>
  /** In one write. */
  transitionsMax: number
}): Recorder {
  const waiting: Entry[] = []
  let writing = false

  async function writeAll(entries: readonly Entry[]): Promise<void> {
    try {
      await parts.write(entries.map(({ transition }) => transition))
      for (const { resolve } of entries) resolve()
    } catch (error) {
      if (entries.length === 1) entries[0]!.reject(error)
      else for (const entry of entries) await writeAll([entry]) // one that cannot be stored harms no other
    }
  }

  async function drain(): Promise<void> {
    writing = true
    while (waiting.length > 0) await writeAll(waiting.splice(0, parts.transitionsMax))
    writing = false
  }

  return {
    record: (transition) =>
      new Promise((resolve, reject) => {
        waiting.push({ transition, resolve, reject })
        if (!writing) void drain()
      })
  }
}
