/** Sparkplug B. */

import type { Convention, ConventionRoute } from '../../normalize/convention.ts'
import { OptionFault } from '../../normalize/convention.ts'
import { defaultLimits } from '../../limits.ts'
import { Facts } from '../facts.ts'
import { deviceBirth, deviceDeath, nodeBirth, nodeDeath } from './births.ts'
import { rebirth, write } from './commands.ts'
import { data } from './data.ts'
import { hostState, oldHostState } from './hosts.ts'
import type { Rules } from './session.ts'

export const sparkplug: Convention = {
  name: 'sparkplug',
  title: 'Sparkplug B',
  about:
    'Edge nodes are devices `group/node`, their devices `group/node/device`, and metrics have the names of the birth. What births say (names, aliases, data types, units) is remembered; where a birth or a message is missing, the node is asked for its births again. DateTime is text of RFC 3339, arrays and DataSets (`{ columns, types, rows }`) are JSON, members of a template are metrics `template/member`, definitions of templates are left out. A float that is no number is null, and its quality says which. `is_historical` values never become latest; `is_transient` ones do, and are kept like all others. Of one message at most 10,000 metrics are told.',
  sources: [
    'https://sparkplug.eclipse.org/specification/version/3.0/documents/sparkplug-specification-3.0.0.pdf',
    'https://github.com/eclipse-sparkplug/sparkplug/tree/master/specification/src/main/asciidoc/chapters',
    'https://github.com/eclipse-tahu/tahu',
    'https://docs.chariot.io/display/CLD80/Sparkplug+B+Payload+Compression'
  ],
  options: {
    rebirth: {
      kind: 'flag',
      default: true,
      about:
        'Whether nodes are asked for their births (NCMD `Node Control/Rebirth`) where one, or another message, is missing'
    },
    reorderTime: {
      kind: 'duration',
      default: '2s',
      about: 'How long a message may come after those that follow it, by `seq`, before it counts as lost'
    }
  },
  presence:
    'NBIRTH and DBIRTH: online. NDEATH, if its `bdSeq` is that of the last NBIRTH: the node and all its devices are offline; DDEATH: the device is. NBIRTH: its devices are offline until their DBIRTH. Values stay, with the quality they had. Retained births say nothing of presence. Host applications (`STATE/host`): by their STATE.',
  create(options) {
    const seconds = options.seconds('reorderTime') ?? 2
    if (seconds * 1_000 > defaultLimits.effectDelayMsMax)
      throw new OptionFault(
        'reorderTime',
        'It is longer than a minute',
        'Give the few seconds that a message may be late, such as 2s'
      )
    const rules = { rebirth: options.flag('rebirth'), reorderMs: seconds * 1_000 }
    return { routes: [...nodes(rules), ...hosts], commands: [write, rebirth] }
  }
}

const stateKey: ConventionRoute['stateKey'] = ({ group, node }) => `${group}/${node}`

const nodes = (rules: Rules): ConventionRoute[] => [
  {
    topic: 'spBv1.0/{group}/NBIRTH/{node}',
    about:
      'All metrics of the node, `bdSeq` and `Node Control/...` among them, with unit (`engUnit`) and quality (`Quality`: BAD, GOOD, STALE); their other properties, metadata and parameters are attributes under the name of the metric',
    stateKey,
    decode: nodeBirth(rules)
  },
  {
    topic: 'spBv1.0/{group}/DBIRTH/{node}/{device}',
    about: 'As NBIRTH, of the device',
    stateKey,
    decode: deviceBirth(rules)
  },
  {
    topic: 'spBv1.0/{group}/NDATA/{node}',
    about:
      'Metrics of the node that changed, by name or alias; an alias that no birth told of is rejected, and the births are asked for',
    stateKey,
    decode: data(rules)
  },
  {
    topic: 'spBv1.0/{group}/DDATA/{node}/{device}',
    about: 'As NDATA, of the device',
    stateKey,
    decode: data(rules)
  },
  {
    topic: 'spBv1.0/{group}/NDEATH/{node}',
    about: 'Presence; ignored where `bdSeq` is not that of the last NBIRTH',
    stateKey,
    decode: nodeDeath()
  },
  {
    topic: 'spBv1.0/{group}/DDEATH/{node}/{device}',
    about: 'Presence of the device',
    stateKey,
    decode: deviceDeath(rules)
  },
  {
    topic: '$sparkplug/certificates/spBv1.0/{group}/NBIRTH/{node}',
    about:
      'The last NBIRTH, as a Sparkplug-aware broker keeps it: as NBIRTH, without presence, and only where it is newer than what is known',
    stateKey,
    decode: nodeBirth(rules)
  },
  {
    topic: '$sparkplug/certificates/spBv1.0/{group}/DBIRTH/{node}/{device}',
    about: 'The last DBIRTH, alike',
    stateKey,
    decode: deviceBirth(rules)
  },
  { topic: 'spBv1.0/{group}/NCMD/{node}', about: 'Nothing: commands of hosts', decode: ignore },
  { topic: 'spBv1.0/{group}/DCMD/{node}/{device}', about: 'Nothing: commands of hosts', decode: ignore }
]

const hosts: ConventionRoute[] = [
  {
    topic: 'spBv1.0/STATE/{host}',
    about:
      'Presence of the host application, a device `STATE/host`; ignored where `timestamp` is older than the last one',
    // No group: a name of one level
    stateKey: ({ host }) => `STATE ${host}`,
    decode: hostState
  },
  {
    topic: 'STATE/{host}',
    about: 'The same before Sparkplug 3.0: `ONLINE` or `OFFLINE`',
    decode: oldHostState
  }
]

function ignore(): ReturnType<ConventionRoute['decode']> {
  return new Facts().result()
}
