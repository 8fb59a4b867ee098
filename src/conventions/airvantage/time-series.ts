/**
 * `messages/ts` and `messages/tsz`: time series in CBOR, and the same in zlib (RFC 1950). The rules are those of the
 * encoder in legato-Service-AirVantageConnector, timeseriesData.c. Pure.
 */

import { Tokenizer, Type, decode } from 'cborg'
import type { Token } from 'cborg'
import { defaultLimits } from '../../limits.ts'
import type { DecoderMessage, DecoderResult } from '../../normalize/decoder.ts'
import { quote } from '../../normalize/names.ts'
import { Facts } from '../facts.ts'
import { inflate } from '../inflate.ts'
import { Samples, isCleared } from './samples.ts'

/** The map, and its three lists: no series has more, so that none is nested deeper. */
const containersMax = 4
/** Most samples of a series may be null. */
const tokensMax = 100 * defaultLimits.datapointsPerMessageMax

export function decodeTimeSeries(
  device: string,
  compressed: boolean,
  message: DecoderMessage
): DecoderResult {
  const facts = new Facts()
  if (isCleared(message)) return facts.result()
  if (message.payload.length === 0)
    return facts.reject('empty_payload', 'The payload is empty, and should be a time series').result()
  try {
    const payload = compressed ? inflate(message.payload, 'zlib', facts) : message.payload
    takeSeries(readSeries(payload), new Samples(facts, device, false))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    facts.reject('wrong_shape', `Not a time series of AirVantage: ${error.message}`)
  }
  return facts.result()
}

class ShallowTokenizer extends Tokenizer {
  #containers = 0
  #tokens = 0

  override next(): Token {
    const token = super.next()
    if (++this.#tokens > tokensMax) throw new Error(`it has more than ${tokensMax} items`)
    if (
      (Type.equals(token.type, Type.array) || Type.equals(token.type, Type.map)) &&
      ++this.#containers > containersMax
    )
      throw new Error('it is nested')
    return token
  }
}

interface Series {
  paths: string[]
  /** One for the timestamp, and one for each path; 0 where its values are text or boolean. */
  factors: number[]
  /** Rows: a timestamp, and a sample for each path. */
  samples: unknown[]
}

const options = {
  strict: true,
  allowIndefinite: true,
  allowBigInt: true,
  allowUndefined: false,
  useMaps: true,
  rejectDuplicateMapKeys: true
}

function readSeries(payload: Uint8Array): Series {
  const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)
  const series: unknown = decode(bytes, { ...options, tokenizer: new ShallowTokenizer(bytes, options) })
  if (!(series instanceof Map)) throw new Error('it is no map')
  const [paths, factors, samples] = ['h', 'f', 's'].map((name) => {
    const list: unknown = series.get(name)
    if (!Array.isArray(list)) throw new Error(`it has no list ${quote(name)}`)
    return list as unknown[]
  }) as [unknown[], unknown[], unknown[]]
  const width = paths.length + 1
  if (paths.length === 0) throw new Error('it has no paths')
  if (!paths.every((path) => typeof path === 'string')) throw new Error('a path is no text')
  if (factors.length !== width) throw new Error(`${paths.length} paths have ${factors.length} factors`)
  if (!factors.every((factor) => typeof factor === 'number' && Number.isFinite(factor)))
    throw new Error('a factor is no number')
  if (factors[0] === 0) throw new Error('the factor of the timestamp is 0')
  if (samples.length % width !== 0)
    throw new Error(`${samples.length} samples are no rows of ${width}, the timestamp and its paths`)
  return { paths, factors: factors as number[], samples }
}

function takeSeries({ paths, factors, samples }: Series, into: Samples): void {
  const width = paths.length + 1
  // The first row is absolute, as is the first sample of a path that begins later: deltas to nothing
  const sums: Array<number | bigint> = Array.from({ length: width }, () => 0)
  for (let row = 0; row < samples.length; row += width) {
    const at = takeTime(samples[row], sums, factors[0]!, into)
    for (let column = 1; column < width; column++) {
      const value = samples[row + column]
      // Null is no sample, and the next one is a delta to the one before
      if (value === null) continue
      const path = paths[column - 1]!
      if (typeof value === 'string' || typeof value === 'boolean') into.add(path, value, at)
      else {
        const number = accumulate(value, column, sums, factors[column]!)
        if (number === null)
          into.facts.reject('wrong_shape', `${quote(path)} has a sample that is no value: ${quote(value)}`)
        else into.add(path, number, at)
      }
    }
  }
}

function takeTime(
  value: unknown,
  sums: Array<number | bigint>,
  factor: number,
  into: Samples
): number | null {
  const at = accumulate(value, 0, sums, factor)
  if (at === null || !Number.isSafeInteger(Math.round(Number(at)))) {
    into.facts.reject('invalid_timestamp', `A row has the timestamp ${quote(value)}`)
    return null
  }
  return Math.round(Number(at))
}

/** Sums are kept as they were encoded, and divided at the end, so that errors do not add up. Null: it is no number. */
function accumulate(
  value: unknown,
  column: number,
  sums: Array<number | bigint>,
  factor: number
): number | bigint | null {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isFinite(value))) return null
  if (factor === 0) return null
  const sum = add(sums[column]!, value)
  sums[column] = sum
  return factor === 1 ? sum : Number(sum) / factor
}

/** Integers stay exact beyond 2^53; what is no safe integer and no bigint was a float. */
function add(sum: number | bigint, delta: number | bigint): number | bigint {
  if (!isExact(sum) || !isExact(delta)) return Number(sum) + Number(delta)
  if (typeof sum === 'number' && typeof delta === 'number' && Number.isSafeInteger(sum + delta))
    return sum + delta
  const total = BigInt(sum) + BigInt(delta)
  return Number.isSafeInteger(Number(total)) ? Number(total) : total
}

const isExact = (value: number | bigint): boolean => typeof value === 'bigint' || Number.isSafeInteger(value)
