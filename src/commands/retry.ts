/** A command that became what nobody wanted, once more: a new command, with what the client said of the first one. */

import type { Command } from '../command.ts'
import type { CommandAsk, ResponseAsk, Terms } from '../command-ask.ts'
import { Problem } from '../errors.ts'
import type { Access, MessageProperties } from '../model.ts'
import type { Store } from '../store/store.ts'
import { withoutTrace } from '../trace.ts'
import { mayCommand } from '../visibility.ts'
import type { CommandRequest } from './commands.ts'
import { notFound } from './cancel.ts'
import { isFinal } from './lifecycle.ts'
import type { ToRequest } from './requests.ts'
import { toCorrelationData } from './requests.ts'

interface RetryParts {
  store: Pick<Store, 'commands'>
  toRequest: ToRequest
}

/**
 * What is asked when the command `id` is to be retried. Throws Problem not_found; not_retryable, as long as it is not final; and
 * what a command that is sent anew is refused with: its device may have another mapping by now.
 */
export async function toRetry(
  { store, toRequest }: RetryParts,
  access: Access,
  id: string
): Promise<CommandRequest> {
  const command = await store.commands.byId(access, id)
  if (command === null || !mayCommand(access, command)) throw notFound()
  if (!isFinal(command))
    throw new Problem(
      'not_retryable',
      `The command is ${command.state}, and may still come to its end: wait until it is final`
    )
  return { ...(await toRequest(access, toRetryAsk(command))), retryOf: id }
}

/** What the client asked for, as far as the command tells: at once, and with as long to expire as it had. Pure. */
export function toRetryAsk(command: Command): CommandAsk {
  const { device, name, parameters, payload, properties, topic, qos, retain } = command
  const terms = toTerms(command)
  if (device === null || name === null) {
    const own = toOwnProperties(command)
    const response = toResponseAsk(command)
    return { kind: 'topic', ...terms, topic, payload, qos, retain, properties: own, response }
  }
  const contentType = properties?.contentType ?? null
  return { kind: 'device', ...terms, device, name, payload: parameters ?? payload, contentType }
}

/** With its condition: where the state is another one by now, a retry must not write over it, either. */
function toTerms({
  delivery,
  createdAt,
  expiresAt,
  timeoutSeconds,
  awaits,
  awaited,
  condition
}: Command): Terms {
  return {
    delivery,
    notBefore: null,
    expiresInSeconds: expiresAt === null ? null : Math.max(1, Math.round((expiresAt - createdAt) / 1_000)),
    timeoutSeconds,
    awaits,
    expect: awaited?.kind === 'state' ? { filter: awaited.filter, where: awaited.where } : null,
    condition
  }
}

/** A response topic and correlation data that we made are of the first command only: its late response is not the second's. */
function toOwnProperties({ id, properties }: Command): MessageProperties | null {
  if (properties === null) return null
  // A retry belongs to the trace of the request that asks for it
  const { responseTopic, correlationData, ...others } = withoutTrace(properties)!
  const own = {
    ...others,
    ...(responseTopic !== undefined && !isOfResponses(responseTopic, id) && { responseTopic }),
    ...(correlationData !== undefined && correlationData !== toCorrelationData(id) && { correlationData })
  }
  return Object.keys(own).length === 0 ? null : own
}

function toResponseAsk({ id, awaits, awaited }: Command): ResponseAsk | null {
  if (awaits !== 'response' || awaited?.kind !== 'message') return null
  const { filter, where, ok, correlationData } = awaited
  // What was made of the response topic is made of it again
  const isMade = isOfResponses(filter, id) || correlationData === toCorrelationData(id)
  return { filter: isMade ? null : filter, where, ok }
}

/** The id is random and ours, so nobody else has a topic that ends with it. */
const isOfResponses = (topic: string, id: string): boolean => topic.endsWith(`/${id}`)
