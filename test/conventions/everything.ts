/** What there is for each convention: examples, and a simulated device. Found by looking, so that none is forgotten. */

import { readdirSync } from 'node:fs'
import type { SimulatedDevice } from './devices/device.ts'
import type { Examples } from './examples/example.ts'

async function load<T extends object>(
  folder: string,
  but: string,
  has: keyof T & string
): Promise<Map<string, T>> {
  const directory = new URL(`${folder}/`, import.meta.url)
  const found = new Map<string, T>()
  for (const file of readdirSync(directory).toSorted()) {
    if (file === but) continue
    const module = (await import(new URL(file, directory).href)) as Record<string, T>
    const one = Object.values(module).find((value) => typeof value === 'object' && Object.hasOwn(value, has))
    if (one !== undefined) found.set(file.replace(/\.ts$/, ''), one)
  }
  return found
}

/** By the names of their conventions. */
export const examples: ReadonlyMap<string, Examples> = await load<Examples>(
  'examples',
  'example.ts',
  'messages'
)
export const devices: ReadonlyMap<string, SimulatedDevice> = await load<SimulatedDevice>(
  'devices',
  'device.ts',
  'start'
)

export interface Named {
  convention: string
  options?: Record<string, unknown>
}

/** rialto.yaml with these conventions: JSON is YAML. */
export const documentOf = (named: readonly Named[]): string =>
  JSON.stringify({
    conventions: named.map(({ convention, options }) =>
      options === undefined ? convention : { [convention]: options }
    )
  })

export const payloadOf = (example: Examples['messages'][number]): Buffer =>
  'hex' in example ? Buffer.from(example.hex, 'hex') : Buffer.from(example.text)

/** Asked last, since all JSON, and all values, are theirs. */
const general = ['json', 'values']

/** All that have a device, as one rialto.yaml has them. */
export const allNamed: readonly SimulatedDevice[] = [...devices.values()].toSorted(
  (a, b) => general.indexOf(a.convention) - general.indexOf(b.convention)
)
