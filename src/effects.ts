/** What a message asks of the service, and what it answers. */

/** A request that a decoder makes of the service; run after the commit, and never when history is read again. */
export type Effect =
  | {
      kind: 'publish'
      topic: string
      payload: Uint8Array
      qos: 0 | 1 | 2
      /** 0: at once. */
      afterMs: number
      /** By which it can be cancelled while it waits; one that waits is not doubled. */
      key: string | null
    }
  | { kind: 'cancel'; key: string }

/** What a device says to a command; its whole text is an event of the metric `response`. */
export interface CommandResponse {
  device: string
  correlation: string
  /** null: it does not say. */
  ok: boolean | null
}
