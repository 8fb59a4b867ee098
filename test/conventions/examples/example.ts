/**
 * Messages of a convention, one after the other, of every kind that it has: what docs/conventions.md shows, what the
 * benchmark measures, and what the fuzzing begins with.
 */

export interface Examples {
  /** Options of the convention, as in rialto.yaml. */
  options?: Record<string, unknown>
  /** Files that the options name. */
  files?: Record<string, Uint8Array>
  messages: readonly Example[]
}

export type Example = {
  topic: string
  contentType?: string
  /** Not in the documentation. */
  quiet?: boolean
} & ({ text: string } | { hex: string })
