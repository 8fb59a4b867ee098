/** Verdicts on which mapping a topic meets. Pure. */

import { covers } from '../topic.ts'
import type { Evidence } from './evidence.ts'
import { levelsOf, nearest } from './nearest.ts'
import type { Verdict } from './projections.ts'
import { verdict } from './verdict-codes.ts'

const automaticFix =
  'Write `automatic: true` into rialto.yaml: topics that no mapping matches give devices and metrics by themselves. Or add a ' +
  'mapping for this one'

export function mappingVerdicts(evidence: Evidence): Verdict[] {
  return evidence.matched === null ? [noMapping(evidence)] : shadowedVerdicts(evidence)
}

function noMapping({ topic, mappings }: Evidence): Verdict {
  if (mappings.length === 0)
    return verdict(
      'no_mapping_matches',
      'There are no mappings: RIALTO_CONFIG names no rialto.yaml, or it has none',
      automaticFix
    )
  if (topic.startsWith('$'))
    return verdict(
      'no_mapping_matches',
      'Topics that begin with $ are matched by no wildcard at the beginning of a template, and never by `automatic`',
      `Add a mapping whose topic begins with \`${topic.split('/')[0]}\``
    )
  const near = nearest(
    mappings.map((mapping) => mapping.topic),
    topic
  )
  if (near === null)
    return verdict(
      'no_mapping_matches',
      `None of the ${mappings.length} mappings matches, and none comes near; automatic is not asked for`,
      automaticFix
    )
  const name = mappings.find((mapping) => mapping.topic === near.pattern)!.name
  return verdict(
    'no_mapping_matches',
    `No mapping matches. The nearest is \`${name}\` with the topic \`${near.pattern}\`: ${near.differs}`,
    `Write the topic of \`${name}\` as \`${near.repaired}\`, add a mapping for it, or let the device publish as the template says`
  )
}

/** Of two that match, the later one is in vain only if the earlier takes every topic that it could have. */
function shadowedVerdicts({ matched, shadowed, fields }: Evidence): Verdict[] {
  const { mapping } = matched!
  if (!isExact(mapping.topic)) return []
  // Who writes a mapping of topics of a convention means it so
  const vain = shadowed.find((later) => covers(mapping.filter, later.filter) && fields.has(later.name))
  if (vain === undefined) return []
  return [
    verdict(
      'shadowed_by',
      `\`${mapping.name}\` (\`${mapping.topic}\`) stands before \`${vain.name}\` (\`${vain.topic}\`) and takes all of its topics: the ` +
        'first that matches wins',
      `Put \`${vain.name}\` before \`${mapping.name}\``
    )
  ]
}

/** The filter of a template matches what the template does, unless several levels stand in its middle. */
const isExact = (topic: string): boolean =>
  levelsOf(topic).every((level, index, all) => level.kind !== 'several' || index === all.length - 1)
