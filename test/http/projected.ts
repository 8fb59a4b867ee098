/** The REST surface over a real store, into which tests write what a projector would. */

import assert from 'node:assert/strict'
import type { Received } from '../../src/normalize/normalize.ts'
import type { ProjectedMessage } from '../../src/store/projected.ts'
import { chunkOf, messageOf } from '../support/projected.ts'
import { call } from './contract.ts'
import type { Given, TestServer } from './server.ts'
import { startServer } from './server.ts'

export interface ProjectedServer extends TestServer {
  /** Receives a message, and writes what it is said to mean. Gives its seq. */
  project(topic: string, meaning: Partial<ProjectedMessage>, received?: Partial<Received>): Promise<number>
}

export async function startProjected(given: Given = {}): Promise<ProjectedServer> {
  const server = await startServer(given)
  const { store, receive } = server
  return {
    ...server,
    async project(topic, meaning, received = {}) {
      // As with a projector: what is committed is not normalized before it is written
      server.projected.doneSeq = 0
      const { base, topicIds } = (await receive({ ...received, topic }))!
      const seq = base + 1
      const { id, doneSeq } = await store.projections.current({ hash: 'test', text: '' })
      const message = messageOf(seq, { topic, topicId: topicIds.get(topic)!.id }, meaning)
      await store.projections.write(id, chunkOf(doneSeq, [message]), { live: true })
      server.projected.advance(Infinity)
      return seq
    }
  }
}

/** More than any list here has: one that begins again would go on for ever. */
const pagesMax = 200

/** Follows `next` to the end. */
export async function* pages(url: string) {
  let next: string | null = ''
  for (let at = 0; next !== null; at++) {
    assert.ok(at < pagesMax, 'the list does not end')
    const { body, status } = await call(`${url}${next && `&page=${next}`}`)
    assert.equal(status, 200, JSON.stringify(body))
    yield body
    next = body.next
  }
}
