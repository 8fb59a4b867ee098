/** Opens a byte stream to a broker: mqtt (TCP), mqtts (TLS), ws, wss. */

import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'
import type { Broker } from '../model.ts'
import type { TlsSecrets } from './tls.ts'

const defaultPorts: Record<string, number> = { 'mqtt:': 1883, 'mqtts:': 8883 }

/** Errors and closing come as events of the stream. */
export function openTransport(broker: Broker, secrets: TlsSecrets, packetBytesMax: number): Duplex {
  const url = new URL(broker.url)
  const tls = {
    ...secrets,
    minVersion: 'TLSv1.2' as const,
    // Said, since Node otherwise asks the environment (NODE_TLS_REJECT_UNAUTHORIZED)
    rejectUnauthorized: true
  }
  const host = url.hostname.replace(/^\[|\]$/g, '') // an IPv6 address stands in brackets in a URL
  const port = url.port === '' ? (defaultPorts[url.protocol] ?? 0) : Number(url.port)
  switch (url.protocol) {
    case 'mqtt:':
      return connectTcp({ host, port, noDelay: true })
    case 'mqtts:':
      return connectTls({ host, port, servername: /^[\d.]+$|:/.test(host) ? '' : host, ...tls })
    case 'ws:':
    case 'wss:': {
      // The subprotocol's name is `mqtt` [MQTT-6.0.0-3]
      const socket = new WebSocket(broker.url, 'mqtt', {
        ...tls,
        maxPayload: packetBytesMax,
        perMessageDeflate: false
      })
      return createWebSocketStream(socket)
    }
    default:
      throw new TypeError(`${url.protocol} is not a transport of MQTT`)
  }
}
