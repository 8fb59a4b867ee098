/** Sparkplug messages for tests: metrics by name, data type and value. */

import { datatypes } from '../../src/conventions/sparkplug/datatypes.ts'
import { encodePayload } from '../../src/conventions/sparkplug/payload.ts'
import type { Metric } from '../../src/conventions/sparkplug/payload.ts'
import { writeValue } from '../../src/conventions/sparkplug/write-value.ts'
import type { SourceMessage } from '../../src/datapoints.ts'
import { receivedAt } from '../normalize/mappings.ts'
import { normalizer } from './say.ts'
import type { Said } from './say.ts'

export type DatatypeName = keyof typeof datatypes

/** When the messages say that they were made: a second before they come. */
export const at = receivedAt - 1_000

/** As a birth has it. */
export const metric = (
  name: string,
  type: DatatypeName,
  value: unknown,
  more: Partial<Metric> = {}
): Metric => ({
  name,
  datatype: datatypes[type],
  ...(value === null ? { isNull: true } : writeValue(datatypes[type], value).wire),
  ...more
})

/** As data has it: no data type, and an alias instead of the name where one is given. */
export function datum(
  name: string | number,
  type: DatatypeName,
  value: unknown,
  more: Partial<Metric> = {}
): Metric {
  const { datatype: _, name: __, ...wire } = metric('', type, value, more)
  return typeof name === 'string' ? { name, ...wire } : { alias: name, ...wire }
}

export const bdSeq = (value: number): Metric => metric('bdSeq', 'Int64', value)

export const payload = (seq: number | null, metrics: readonly object[], more: object = {}): Uint8Array =>
  encodePayload({ timestamp: at, metrics, ...(seq !== null && { seq }), ...more })

export interface Node {
  nbirth(seq: number, metrics: readonly object[], more?: Partial<SourceMessage>): Said
  ndata(seq: number | null, metrics: readonly object[], more?: Partial<SourceMessage>): Said
  ndeath(metrics: readonly object[], more?: Partial<SourceMessage>): Said
  dbirth(device: string, seq: number, metrics: readonly object[], more?: Partial<SourceMessage>): Said
  ddata(device: string, seq: number | null, metrics: readonly object[], more?: Partial<SourceMessage>): Said
  ddeath(device: string, seq: number, more?: Partial<SourceMessage>): Said
  say: ReturnType<typeof normalizer>
}

/** The node G1/E1 before a service that has not heard of it. */
export function startNode(options = ''): Node {
  const say = normalizer(`conventions: [sparkplug${options === '' ? '' : `: ${options}`}]`)
  const to = (type: string, device?: string): string =>
    `spBv1.0/G1/${type}/E1${device === undefined ? '' : `/${device}`}`
  return {
    nbirth: (seq, metrics, more) => say(to('NBIRTH'), payload(seq, metrics), more),
    ndata: (seq, metrics, more) => say(to('NDATA'), payload(seq, metrics), more),
    ndeath: (metrics, more) => say(to('NDEATH'), payload(null, metrics), more),
    dbirth: (device, seq, metrics, more) => say(to('DBIRTH', device), payload(seq, metrics), more),
    ddata: (device, seq, metrics, more) => say(to('DDATA', device), payload(seq, metrics), more),
    ddeath: (device, seq, more) => say(to('DDEATH', device), payload(seq, []), more),
    say
  }
}

/** Time passes: a message that comes so many milliseconds after noon. */
export const after = (ms: number): Partial<SourceMessage> => ({ receivedAt: receivedAt + ms })

/** `rebirth in 2000`, `cancel rebirth G1/E1`. */
export const effects = ({ outcome }: Said): string[] =>
  outcome.effects.map((effect) =>
    effect.kind === 'cancel'
      ? `cancel ${effect.key}`
      : `${effect.key} to ${effect.topic} in ${effect.afterMs}`
  )
