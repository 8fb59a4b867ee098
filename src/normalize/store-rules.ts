/** Which rule each metric of a mapping has for what of it is stored. Pure. */

import type { RuleOf } from './deadband.ts'
import type { MappingDefinition } from './definition.ts'

/** null: each datapoint of the mapping is stored. */
export function toRuleOf({ store, metrics }: MappingDefinition): RuleOf | null {
  const own = new Map(
    (metrics ?? []).flatMap((one) => (one.store === undefined ? [] : [[one.name, one.store]]))
  )
  if (store === null && [...own.values()].every((rule) => rule === null)) return null
  return (metric) => {
    const rule = own.get(metric)
    return rule === undefined ? store : rule
  }
}

/** By name of the mapping; all that is of a convention has one name, and one rule. */
export function toRules(mappings: readonly MappingDefinition[]): Map<string, RuleOf> {
  const rules = new Map<string, RuleOf>()
  for (const mapping of mappings) {
    const rule = toRuleOf(mapping)
    if (rule !== null) rules.set(mapping.name, rule)
  }
  return rules
}
