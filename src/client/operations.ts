/** From the types of openapi.yaml: what an operation takes, and what it answers. Types only. */

import type { paths } from './openapi.ts'

export type Method = 'get' | 'put' | 'post' | 'patch' | 'delete'

/** The paths that have this method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never
}[keyof paths]

export type Operation<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, infer O> ? O : never

type Part<O, Name extends string> = O extends { parameters: infer Ps }
  ? Name extends keyof Ps
    ? Ps[Name]
    : undefined
  : undefined

type Body<O> = O extends { requestBody: { content: infer C } }
  ? C[keyof C]
  : O extends { requestBody?: { content: infer C } }
    ? C[keyof C] | undefined
    : undefined

/** Members that may be left out where all of theirs may, and are not there where there is nothing to say. */
type Member<Name extends string, Value> = [Value] extends [undefined]
  ? { [N in Name]?: never }
  : Record<string, never> extends Value
    ? { [N in Name]?: Value }
    : undefined extends Value
      ? { [N in Name]?: Value }
      : { [N in Name]: Value }

/** `fields` picks members of the answer, so that its type is another: that is for `request`. */
type Query<O> =
  Part<O, 'query'> extends infer Q ? (Q extends { fields?: unknown } ? Omit<Q, 'fields'> : Q) : never

export type Ask<O, Q = Query<O>> = Member<'path', Part<O, 'path'>> &
  Member<'query', Q> &
  Member<'body', Body<O>> & {
    /** Beside those that the client sends by itself: `If-Match`, `Prefer`, `Idempotency-Key`, ... */
    headers?: Record<string, string>
    signal?: AbortSignal
  }

/** An `Ask` that needs nothing may be left out. */
export type Asks<O> = Record<string, never> extends Ask<O> ? [ask?: Ask<O>] : [ask: Ask<O>]
/** With all that an operation takes. */
export type FullAsks<O, A = Ask<O, Part<O, 'query'>>> = Record<string, never> extends A ? [ask?: A] : [ask: A]

type Json<R> = R extends { content: { 'application/json': infer J } } ? J : never

/** The JSON of what is answered where nothing is refused; undefined: it has no body. */
export type Answer<O> = O extends { responses: infer Rs }
  ? { [S in keyof Rs]: S extends 204 ? undefined : Json<Rs[S]> }[keyof Rs]
  : never

/** Of lists: one of their items. */
export type Item<O> = Answer<O> extends { items: Array<infer I>; next: string | null } ? I : never

export type ListPath = {
  [P in PathOf<'get'>]: [Item<Operation<'get', P>>] extends [never] ? never : P
}[PathOf<'get'>]
