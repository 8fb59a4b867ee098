/** The key that readers and subscribers come with, given another text again and again, with an overlap. */

import { request } from '../support/bridge.ts'
import { canaries } from '../support/canaries.ts'
import { eventually } from '../support/eventually.ts'
import { pause } from '../faults/provocations.ts'
import type { Rialto } from '../faults/rialto.ts'
import type { Key } from './asking.ts'
import { answerMsMax, anyOf, bearer } from './asking.ts'

export interface Rotation {
  key: Key
  rotations: number
  /** Changes without an answer. */
  unanswered: number
  /** Texts that were over, and let in all the same. */
  goodTooLong: number
  /** It changes nothing while it is true. */
  resting: boolean
  stop(): Promise<void>
}

const overlapSeconds = 120
/** Longer than any fault keeps an instance from its database. */
const knownWithinMs = 90_000
const administrator = { authorization: `Bearer ${canaries.apiKey}`, 'content-type': 'application/json' }

export async function startRotation(instances: readonly Rialto[], everyMs: number): Promise<Rotation> {
  const post = (path: string, body: object) =>
    request(`${anyOf(instances)}/v1/keys${path}`, {
      method: 'POST',
      headers: administrator,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(answerMsMax)
    })
  const made = await post('', { name: 'soak', grants: [{ role: 'read', topic: '#' }] })
  if (made.status !== 201) throw new Error(`No key was made: ${made.status}`)
  const { id, key: text } = made.body as { id: string; key: string }
  let stopping = false

  /** What every instance says to it. */
  const isAnswered = (used: string, status: number) => async (): Promise<boolean> => {
    for (const { url } of instances) {
      const answer = await fetch(`${url}/v1/topics?limit=1`, {
        headers: bearer({ text: used }),
        signal: AbortSignal.timeout(answerMsMax)
      })
      await answer.text()
      if (answer.status !== status) return false
    }
    return true
  }
  const patience = { withinMs: knownWithinMs, everyMs: 250 }

  async function rotate(ended: string): Promise<string> {
    const { key } = rotation
    const before = key.text
    const answer = await post(`/${id}/rotate`, { overlapSeconds }).catch(() => null)
    if (answer?.status !== 200) {
      // Nobody knows whether it was done: a second one would end what we have
      rotation.unanswered++
      key.doubtful = true
      return ended
    }
    const next = (answer.body as { key: string }).key
    await eventually(isAnswered(next, 200), { ...patience, what: 'every instance knows the key' })
    key.text = next
    key.doubtful = false
    rotation.rotations++
    if (ended !== '') await eventually(isAnswered(ended, 401), patience).catch(() => rotation.goodTooLong++)
    return before
  }

  async function run(): Promise<void> {
    // That before the last is over
    let ended = ''
    while (!stopping) {
      if (!rotation.resting) ended = await rotate(ended)
      const until = Date.now() + (rotation.key.doubtful ? 1_000 : everyMs)
      while (!stopping && Date.now() < until) await pause(100)
    }
  }

  const rotation: Rotation = {
    key: { text, doubtful: false },
    rotations: 0,
    unanswered: 0,
    goodTooLong: 0,
    resting: false,
    async stop() {
      stopping = true
      await running
    }
  }
  const running = run()
  running.catch(() => {})
  return rotation
}
