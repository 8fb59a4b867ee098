/** A device of a convention, simulated: it connects to a real broker, tells what it measures, and does what it is told. */

export interface SimulatedDevice {
  convention: string
  /** Options of the convention, as in rialto.yaml. */
  options?: Record<string, unknown>
  /** Files that the options name. */
  files?: Record<string, Uint8Array>
  /** Topic filters that Rialto subscribes to for it. */
  filters: readonly string[]
  /** Its name in Rialto. */
  device: string
  /** Connects, subscribes to its commands, and tells; answers commands until it is ended. */
  start(brokerUrl: string): Promise<{ end(): Promise<void> }>
  /** What is known of it then: the latest of these metrics. Values as in the JSON of the REST interface. */
  tells: ReadonlyArray<{ metric: string; value: unknown; unit?: string }>
  /** What is known of its presence then; null: the convention does not tell. */
  presence: 'online' | null
  /** Presence after its connection broke (its will came); null: the convention does not tell. */
  presenceWhenBroken: 'offline' | null
  /** A command, and how it shows that it was done; null: the convention has none. */
  command: (Told & { shows: { response: { ok: boolean } } | { metric: string; value: unknown } }) | null
  /** A command that it says it will not do, and why; null: the convention has no word for that. */
  refuses: (Told & { reason: RegExp }) | null
  /** A command to which it is silent; null: the convention has no commands. */
  ignores: Told | null
  /** A command of which the device says that it took it on, and which it does not do; absent: there is no such word. */
  takesOn?: Told
}

export interface Told {
  /** Which device is told, where it is not the one above. */
  device?: string
  name: string
  parameters: Record<string, unknown>
}
