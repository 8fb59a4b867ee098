/** What may be the name of a device or a metric, and texts of details. Pure. */

export { nameFault } from '../history/names.ts'

/** Anything as a short piece of readable text for a detail. */
export function quote(value: unknown): string {
  const text =
    typeof value === 'string' ? value : typeof value === 'object' ? 'an object or a list' : String(value)
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return typeof value === 'string' ? JSON.stringify(printable(short)) : printable(short)
}

/** Without what Postgres, a terminal or a JSON reader would stumble over. */
export const printable = (text: string): string =>
  text.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
