/** Metrics of devices that are asked for by name, in paths that begin with `metrics`. Pure. */

import { Problem } from '../errors.ts'
import type { Fields } from './fields.ts'
import type { Path } from './path.ts'
import type { Predicate } from './predicate.ts'
import type { Sort } from './sort.ts'

/**
 * Each once. Throws Problem invalid_value for a path that is `metrics` alone: a device may have any number of them.
 */
export function metricNames(ask: {
  where?: Predicate | null
  sort?: Sort | null
  fields?: Fields | null
}): string[] {
  const names = new Set<string>()
  const take = (pointer: string, paths: readonly Path[]): void => {
    for (const [member, name] of paths) {
      if (member !== 'metrics') continue
      if (name === undefined) throw unnamed(pointer)
      names.add(name)
    }
  }
  take('where', ask.where?.paths ?? [])
  take('sort', ask.sort ? [ask.sort.path] : [])
  take('fields', ask.fields?.paths ?? [])
  return [...names]
}

function unnamed(pointer: string): Problem {
  const detail = 'name a metric, such as metrics/temperature/value'
  return new Problem('invalid_value', `${pointer}: ${detail}`, [{ pointer, detail }])
}
