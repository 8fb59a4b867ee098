/** A dispatcher on a real database, and a broker whose word each test decides. */

import { createDispatcher } from '../../src/commands/dispatcher.ts'
import type { DispatcherParts } from '../../src/commands/dispatcher.ts'
import type { Command } from '../../src/command.ts'
import { Problem } from '../../src/errors.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { Limits } from '../../src/limits.ts'
import type { OutgoingMessage, PublishResult } from '../../src/mqtt/connection.ts'
import { createStats } from '../../src/stats.ts'
import type { Stats } from '../../src/stats.ts'
import type { Lease } from '../../src/store/sessions.ts'
import type { NewCommand } from '../../src/store/commands.ts'
import { atEnd } from '../support/cleanup.ts'
import { silent } from '../support/database.ts'
import type { TestStore } from '../support/store.ts'
import { everything, openTestStore } from '../support/store.ts'

/** A message that was handed to the broker. */
export interface Sent {
  topic: string
  message: OutgoingMessage
  /** The broker's word. */
  answer(reasonCode?: number): void
  /** The connection ends, as far as this message can tell. */
  lose(): void
}

export interface Dispatching extends TestStore {
  sent: Sent[]
  stats: Stats
  /** Whether there is a connection: else what is published has certainly not left. */
  connected: boolean
  accept(...commands: NewCommand[]): Promise<void>
  /** As a client's request: what may be published at once is. Returns the topics of those that are. */
  ask(...commands: NewCommand[]): Promise<string[]>
  command(id: string): Promise<Command>
  wake(): void
  stop(): Promise<void>
}

export async function startDispatching(
  options: {
    on?: TestStore
    limits?: Partial<Limits>
    /** Each message gets this reason code at once; null: it waits for the test. */
    answer?: number | null
    lease?: () => Lease | null
    fault?: (message: OutgoingMessage) => string | null
    checkCondition?: DispatcherParts['checkCondition']
    onSent?: (sent: Sent) => void
  } = {}
): Promise<Dispatching> {
  const limits = { ...defaultLimits, commandPollMs: 100, ...options.limits }
  const on = options.on ?? (await openTestStore({ limits }))
  const stats = createStats()
  const { store, lease } = on
  const { answer = null, fault = () => null } = options
  const publish = (message: OutgoingMessage): Promise<PublishResult> =>
    new Promise((resolve, reject) => {
      if (!dispatching.connected) return reject(new Problem('broker_unavailable', 'Not connected'))
      const sent: Sent = {
        topic: message.topic,
        message,
        answer: (reasonCode = 0) => resolve({ reasonCode }),
        lose: () => reject(new Error('PUBLISH was not answered: the connection was closed'))
      }
      dispatching.sent.push(sent)
      options.onSent?.(sent)
      if (answer !== null) sent.answer(answer)
    })
  const dispatcher = createDispatcher({
    store,
    feed: { hint: () => {} } as unknown as DispatcherParts['feed'],
    publisher: {
      connected: () => dispatching.connected,
      publish,
      inFlightMax: () => 65_535,
      fault,
      run: async () => {},
      close: async () => {}
    },
    lease: options.lease ?? (() => lease),
    checkCondition: options.checkCondition ?? (async () => 'publish'),
    limits,
    stats,
    log: silent
  })
  const dispatching: Dispatching = {
    ...on,
    sent: [],
    stats,
    connected: true,
    async accept(...commands) {
      await store.commands.accept(commands, null)
      dispatcher.wake()
    },
    async ask(...commands) {
      const offer = dispatcher.offerAtOnce(commands)
      const { going } = await store.commands
        .accept(commands, null, { atOnce: offer })
        .catch((error: unknown) => {
          offer?.stored(new Map())
          throw error
        })
      offer?.stored(going)
      if (going.size < commands.length) dispatcher.wake()
      return commands.flatMap(({ id, topic }) => (going.has(id) ? topic : []))
    },
    command: async (id) => (await store.commands.byId(everything, id))!,
    wake: dispatcher.wake,
    async stop() {
      for (const sent of dispatching.sent) sent.lose()
      await dispatcher.stop()
    }
  }
  atEnd(dispatching.stop)
  void dispatcher.run()
  return dispatching
}
