/** How large a state is as JSON, about. States share what did not change, so what was measured once is known. Pure. */

const measured = new WeakMap<object, number>()

/** What an object or a list takes beside its members. */
const containerBytes = 8

/** The longest double, as JSON. */
const numberBytes = 24

/** With its quotation marks. Nearly all names and topics are plain ASCII, which is written as it is. */
const textBytes = (text: string): number =>
  /^[ !#-[\]-~]*$/.test(text) ? text.length + 2 : Buffer.byteLength(JSON.stringify(text))

/** At least as many bytes as it takes to store it. The state is never changed after it was measured. */
export function stateBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes(value)
  if (typeof value !== 'object' || value === null) return Math.max(numberBytes, String(value).length)
  const known = measured.get(value)
  if (known !== undefined) return known
  let bytes = containerBytes
  if (Array.isArray(value)) for (const item of value) bytes += stateBytes(item)
  else
    for (const name of Object.keys(value))
      bytes += textBytes(name) + 2 + stateBytes((value as Record<string, unknown>)[name])
  measured.set(value, bytes)
  return bytes
}
