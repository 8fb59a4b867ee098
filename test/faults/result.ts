/** What a story leaves behind: one line of JSON in the file that FAULTS_RESULTS names. */

export type Figures = Record<string, number>

export interface Result {
  id: string
  name: string
  qos: 0 | 1 | 2 | null
  /** Of a full run, or of a reduced one. */
  full: boolean
  /** Of a negative control: the figures that had to be above 0. */
  shows: readonly string[] | null
  /** The most that a figure might be. */
  promise: Figures
  figures: Figures
}
