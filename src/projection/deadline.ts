/** Ends synchronous work that takes too long: a pure function may be stopped anywhere, and tried again. */

import { Script, createContext } from 'node:vm'

export class DeadlineError extends Error {
  constructor(ms: number) {
    super(`Took longer than ${ms} ms`)
    this.name = 'DeadlineError'
  }
}

const context = createContext({ work: null as (() => void) | null })
const script = new Script('work()')

/** Runs `work` here and now, at most `msMax`; throws DeadlineError, and whatever `work` throws. Does not nest. */
export function within<T>(msMax: number, work: () => T): T {
  let result: { value: T } | null = null
  context['work'] = () => {
    result = { value: work() }
  }
  try {
    // What runs is our own function of this realm; vm only gives the watch that can stop it
    script.runInContext(context, { timeout: msMax })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new DeadlineError(msMax)
    throw error
  } finally {
    context['work'] = null
  }
  return (result as unknown as { value: T }).value
}
