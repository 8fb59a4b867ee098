/** What may be the name of a device or a metric. Pure. */

/** Tells what is wrong with a name, or null. The same for units and qualities. */
export function nameFault(name: string, bytesMax: number): string | null {
  if (name === '') return 'it is empty'
  if (name.length > bytesMax || (name.length * 3 > bytesMax && Buffer.byteLength(name) > bytesMax))
    return `it is longer than ${bytesMax} bytes`
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return 'it has control characters'
  if (!name.isWellFormed()) return 'it has a lone surrogate'
  return null
}
