/** A convention as it is used: its commands rendered, its messages decoded, without what the service does around it. */

import type { CommandTarget, Convention, RenderedCommand } from '../../src/normalize/convention.ts'
import { create } from './create.ts'

/** How many datapoints its first route puts together, before anything is left out. */
export function countDecoded(convention: Convention, topic: string, payload: string): number {
  const message = {
    topic,
    captures: { device: 'd' },
    kind: 'message',
    payload: Buffer.from(payload),
    properties: null,
    receivedAt: 0,
    device: null
  } as const
  return create(convention).routes[0]!.decode(null, message)!.facts.datapoints!.length
}

export function render(
  convention: Convention,
  options: Record<string, unknown>,
  target: Pick<CommandTarget, 'device' | 'topic' | 'captures'>,
  parameters: Record<string, unknown>
): RenderedCommand {
  const [command] = create(convention, options).commands
  return command!.render({ state: null, attributes: {}, id: 'id', now: 0, ...target }, parameters)
}
