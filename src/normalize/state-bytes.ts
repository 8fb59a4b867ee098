/** How large a state is as JSON, about. States share what did not change, so what was measured once is known. Pure. */

const measured = new WeakMap<object, number>()

/** What an object or a list takes beside its members. */
const containerBytes = 8

/** At least as many bytes as it takes to store it. The state is never changed after it was measured. */
export function stateBytes(value: unknown): number {
  if (typeof value === 'string') return value.length * 3 + 2
  if (typeof value === 'bigint') return value.toString().length + 2
  if (typeof value !== 'object' || value === null) return 24
  const known = measured.get(value)
  if (known !== undefined) return known
  let bytes = containerBytes
  if (Array.isArray(value)) for (const item of value) bytes += stateBytes(item)
  else
    for (const name of Object.keys(value))
      bytes += name.length * 3 + 4 + stateBytes((value as Record<string, unknown>)[name])
  measured.set(value, bytes)
  return bytes
}
