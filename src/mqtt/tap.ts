/**
 * A stream between the broker's socket and MQTT.js: it takes PUBLISH and PUBREL out of what comes and passes the rest
 * on, so that MQTT.js keeps connection, keepalive and subscriptions, while messages are acknowledged by us, in order,
 * after they are committed. MQTT.js itself acknowledges one message at a time, and QoS 2 before it is stored.
 */

import { Duplex } from 'node:stream'
import type { Limits } from '../limits.ts'
import { defaultLimits } from '../limits.ts'
import type { PublishFrame } from './publish-scanner.ts'
import { MalformedPacketError, PublishScanner } from './publish-scanner.ts'

export interface TapHandlers {
  /** Before any message of the same read: CONNACK was accepted, and says whether the session is known. */
  connack(sessionPresent: boolean): void
  publish(frame: PublishFrame): void
  pubrel(packetId: number): void
}

/** Packet types [MQTT-2.1.2]. */
const connackType = 2
const authType = 15
/** CONNECT, PUBREL with wrong flags, SUBSCRIBE, UNSUBSCRIBE, PINGREQ: no broker sends them. Nor is 0 a type. */
const refusedTypes = new Set([0, 1, 6, 8, 10, 12])

export type TapLimits = Pick<Limits, 'controlPacketBytesMax' | 'packetBytesPerSecondMin' | 'packetStallMsMax'>

export class Tap extends Duplex {
  private readonly source: Duplex
  private readonly scanner: PublishScanner
  private readonly limits: TapLimits
  private accepted = false
  /** The packet that has begun: since when, how much of it came, and the packets before it. */
  private begun = { at: performance.now(), bytes: 0, packets: 0 }
  private readonly watch: NodeJS.Timeout

  constructor(
    socket: Duplex,
    version: 4 | 5,
    packetBytesMax: number,
    handlers: TapHandlers,
    limits: TapLimits = defaultLimits
  ) {
    super({ allowHalfOpen: false })
    this.source = socket
    this.limits = limits
    const messages = {
      publish: (frame: PublishFrame) => {
        this.expectAccepted()
        handlers.publish(frame)
      },
      pubrel: (packetId: number) => {
        this.expectAccepted()
        handlers.pubrel(packetId)
      },
      other: (type: number, packet: Buffer) => {
        this.checkType(type, version)
        // Reason code 0 is the fourth byte in 3.1.1 and 5 alike [MQTT-3.2.2]
        if (type === connackType && packet[3] === 0) {
          this.accepted = true
          handlers.connack((packet[2]! & 1) === 1)
        }
        this.push(Buffer.from(packet))
      }
    }
    this.scanner = new PublishScanner(version, packetBytesMax, messages, limits.controlPacketBytesMax)
    socket.on('data', (read: Buffer) => this.onRead(read))
    socket.on('error', (error) => this.destroy(error))
    socket.on('end', () => this.push(null))
    socket.on('close', () => this.destroy())
    this.watch = setInterval(() => this.expectProgress(), limits.packetStallMsMax / 4)
  }

  private onRead(read: Buffer): void {
    const { scanner, begun } = this
    try {
      scanner.push(read)
    } catch (error) {
      this.destroy(error as Error)
      return
    }
    begun.bytes += read.length
    if (scanner.packets !== begun.packets)
      this.begun = { at: performance.now(), bytes: read.length, packets: scanner.packets }
  }

  /** Messages come after CONNACK [MQTT-3.2.0-1], or nobody could acknowledge them. */
  private expectAccepted(): void {
    if (!this.accepted) throw new MalformedPacketError('a message before CONNACK')
  }

  private checkType(type: number, version: 4 | 5): void {
    if (refusedTypes.has(type) || (type === authType && version === 4))
      throw new MalformedPacketError(`a packet of type ${type} from a broker`)
    // A second one would make us forget what we owe [MQTT-3.2.0-2]
    if (type === connackType && this.accepted) throw new MalformedPacketError('a second CONNACK')
  }

  /** Bytes that trickle look like life; a packet that never ends is none. While we do not read, it is not the broker's fault. */
  private expectProgress(): void {
    const { begun, scanner, limits } = this
    if (!scanner.isWithinPacket || this.source.isPaused()) {
      Object.assign(begun, { at: performance.now(), bytes: 0 })
      return
    }
    const ms = performance.now() - begun.at
    if (ms < limits.packetStallMsMax) return
    if (begun.bytes < (ms / 1_000) * limits.packetBytesPerSecondMin)
      this.destroy(
        new MalformedPacketError(`a packet that does not go on: ${begun.bytes} bytes in ${Math.round(ms)} ms`)
      )
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
    clearInterval(this.watch)
    this.source.destroy()
    done(error)
  }
}
