/**
 * A stream between the broker's socket and MQTT.js: it takes PUBLISH and PUBREL out of what comes and passes the rest
 * on, so that MQTT.js keeps connection, keepalive and subscriptions, while messages are acknowledged by us, in order,
 * after they are committed. MQTT.js itself acknowledges one message at a time, and QoS 2 before it is stored.
 */

import { Duplex } from 'node:stream'
import type { PublishFrame } from './publish-scanner.ts'
import { PublishScanner } from './publish-scanner.ts'

export interface TapHandlers {
  /** Before any message of the same read: CONNACK was accepted, and says whether the session is known. */
  connack(sessionPresent: boolean): void
  publish(frame: PublishFrame): void
  pubrel(packetId: number): void
}

const connackType = 2

export class Tap extends Duplex {
  private readonly source: Duplex

  constructor(socket: Duplex, version: 4 | 5, packetBytesMax: number, handlers: TapHandlers) {
    super({ allowHalfOpen: false })
    this.source = socket
    const scanner = new PublishScanner(version, packetBytesMax, {
      publish: handlers.publish,
      pubrel: handlers.pubrel,
      other: (type, packet) => {
        // Reason code 0 is the fourth byte in 3.1.1 and 5 alike [MQTT-3.2.2]
        if (type === connackType && packet[3] === 0) handlers.connack((packet[2]! & 1) === 1)
        this.push(Buffer.from(packet))
      }
    })
    socket.on('data', (read: Buffer) => {
      try {
        scanner.push(read)
      } catch (error) {
        this.destroy(error as Error)
      }
    })
    socket.on('error', (error) => this.destroy(error))
    socket.on('end', () => this.push(null))
    socket.on('close', () => this.destroy())
  }

  /** Sends acknowledgements beside what MQTT.js sends; each is a whole packet, so they cannot mix. */
  acknowledge(packets: Buffer): void {
    if (this.source.writable) this.source.write(packets)
  }

  /** Stops reading: the broker's window and TCP then hold back what we cannot take. */
  pauseReading(): void {
    this.source.pause()
  }

  resumeReading(): void {
    this.source.resume()
  }

  override _read(): void {
    // What MQTT.js gets is a handful of small packets, so nothing is held back for it
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.source.write(chunk, encoding, done)
  }

  override _final(done: () => void): void {
    this.source.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.source.destroy()
    done(error)
  }
}
