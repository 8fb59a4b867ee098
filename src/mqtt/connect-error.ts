/** Why there is no connection. */

import type { TlsFault } from './tls-faults.ts'

/** The broker refused, or closed without an answer. */
export class ConnectError extends Error {
  /** CONNACK's reason code; null where there was no CONNACK. */
  readonly reasonCode: number | null
  /** Why no TLS could be agreed on; null: another reason. */
  readonly tlsFault: TlsFault | null

  constructor(
    message: string,
    reasonCode: number | null,
    { tlsFault = null, ...options }: ErrorOptions & { tlsFault?: TlsFault | null } = {}
  ) {
    super(message, options)
    this.name = 'ConnectError'
    this.reasonCode = reasonCode
    this.tlsFault = tlsFault
  }

  /** The broker does not speak this version: 0x84 in MQTT 5 [MQTT-3.1.2-2], 1 in 3.1.1, or just a closed connection. */
  get versionRefused(): boolean {
    return this.reasonCode === 0x84 || this.reasonCode === 1
  }

  /** There was no connection at all, or none that MQTT was spoken on. */
  get unreachable(): boolean {
    if (this.tlsFault !== null) return true
    const { syscall } = (this.cause ?? {}) as { syscall?: string }
    return this.reasonCode === null && (syscall === 'connect' || syscall === 'getaddrinfo')
  }
}
