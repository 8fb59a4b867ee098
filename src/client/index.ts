/**
 * A client of Rialto for browsers and Node, with nothing but what the platform has: requests typed by openapi.yaml, streams that
 * go on where they were cut off, commands that are sent once and waited for, refusals as errors.
 */

import type { Command, CommandRequest, SendOptions } from './commands.ts'
import { awaitCommand, sendCommand } from './commands.ts'
import type { ClientOptions, Request } from './connection.ts'
import { createConnection } from './connection.ts'
import type { StreamEvent, StreamQuery } from './events.ts'
import type { Answer, Asks, FullAsks, Item, ListPath, Method, Operation, PathOf } from './operations.ts'
import type { StreamOptions } from './stream.ts'
import { openStream } from './stream.ts'

export type { Command, CommandRequest, SendOptions } from './commands.ts'
export type { ClientOptions } from './connection.ts'
export type { CommandTransition, PresenceChange, Skipped, StreamEvent, StreamQuery } from './events.ts'
export type { components, operations, paths } from './openapi.ts'
export type { Problem } from './problem.ts'
export { RialtoError } from './problem.ts'
export type { StreamOptions } from './stream.ts'

type Caller<M extends Method> = <P extends PathOf<M>>(
  path: P,
  ...ask: Asks<Operation<M, P>>
) => Promise<Answer<Operation<M, P>>>

export interface RialtoClient {
  /** The JSON that an operation of openapi.yaml answers. Each throws RialtoError where it is refused. */
  get: Caller<'get'>
  put: Caller<'put'>
  post: Caller<'post'>
  patch: Caller<'patch'>
  delete: Caller<'delete'>
  /** The answer itself, with its status, headers and bytes: for conditional requests, payloads and exports. Throws as the others. */
  request<M extends Method, P extends PathOf<M>>(
    method: M,
    path: P,
    ...ask: FullAsks<Operation<M, P>>
  ): Promise<Response>
  /** All items of a list, page by page, as it was at the first. */
  items<P extends ListPath>(
    path: P,
    ...ask: Asks<Operation<'get', P>>
  ): AsyncGenerator<Item<Operation<'get', P>>, void, undefined>
  /** Events, each once and in order, for as long as somebody reads them. See openStream. */
  stream(query: StreamQuery, options?: StreamOptions): AsyncGenerator<StreamEvent, void, undefined>
  /** Sends a command once, and waits for its outcome where `waitSeconds` is given. */
  send(body: CommandRequest, options?: SendOptions): Promise<Command>
  /** Waits until a command is final, 60 seconds where nothing else is said, and answers it as it is then. */
  wait(id: string, options?: Pick<SendOptions, 'waitSeconds' | 'retrySeconds' | 'signal'>): Promise<Command>
}

export function createClient(options: ClientOptions): RialtoClient {
  const connection = createConnection(options)

  const caller =
    <M extends Method>(method: M): Caller<M> =>
    async (path, ...[ask]) => {
      const answer = await connection.accept(method, path as string, (ask ?? {}) as Request)
      return (answer.status === 204 ? undefined : await answer.json()) as Answer<Operation<M, typeof path>>
    }

  return {
    get: caller('get'),
    put: caller('put'),
    post: caller('post'),
    patch: caller('patch'),
    delete: caller('delete'),
    request: (method, path, ...[ask]) => connection.accept(method, path as string, (ask ?? {}) as Request),
    async *items(path, ...[ask]) {
      const { query, ...rest } = (ask ?? {}) as Request
      let page: string | undefined
      do {
        const answer = await connection.accept('get', path, { ...rest, query: { ...query, page } })
        const { items, next } = (await answer.json()) as {
          items: Array<Item<Operation<'get', typeof path>>>
          next: string | null
        }
        yield* items
        page = next ?? undefined
      } while (page !== undefined)
    },
    stream: (query, streamOptions) => openStream(connection, query, streamOptions),
    send: (body, sendOptions) => sendCommand(connection, body, sendOptions),
    wait: (id, waitOptions) => awaitCommand(connection, id, waitOptions)
  }
}
