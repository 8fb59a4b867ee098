/** Every surface that is read by request. */

import type { Asking, Oracle } from './fuzz-context.ts'
import { createAsking } from './fuzz-context.ts'
import type { Case } from './fuzz-asks.ts'
import { datapoints, devices, devicesThen, exports, oneDevice, wholeDevices } from './fuzz-devices.ts'
import { conditions, permissions } from './fuzz-conditions.ts'
import { graphqlReads } from './fuzz-graphql.ts'
import { explain, history, previews } from './fuzz-history.ts'
import { states, streams } from './fuzz-streams.ts'
import { commands, gaps, messages, ofOthers, oneTopic, rejections, topics } from './fuzz-topics.ts'

export const reads: Record<string, (asking: Asking) => Promise<void>> = {
  topics,
  oneTopic,
  messages,
  rejections,
  gaps,
  commands,
  ofOthers,
  devices,
  wholeDevices,
  devicesThen,
  oneDevice,
  datapoints,
  exports,
  history,
  explain,
  previews,
  conditions,
  permissions,
  streams,
  states,
  graphql: graphqlReads
}

export interface FuzzResult {
  /** What was not as it should be; without `all`, only the first. */
  faults: string[]
  asked: number
  /** Answers with an item in them. */
  told: number
}

/** Asks `url` about everything, for one after another. What it should answer is what the oracle's service tells an administrator. */
export async function runFuzz(
  oracle: Oracle,
  url: string,
  cases: readonly Case[],
  { all = false, surfaces = Object.keys(reads) }: { all?: boolean; surfaces?: readonly string[] } = {}
): Promise<FuzzResult> {
  const result: FuzzResult = { faults: [], asked: 0, told: 0 }
  for (const [index, one] of cases.entries())
    for (const surface of surfaces) {
      try {
        await reads[surface]!(createAsking(oracle, url, one, result))
      } catch (error) {
        result.faults.push(`${surface}, grants ${index}: ${(error as Error).stack}`)
        if (!all) return result
      }
    }
  return result
}
