/** What the processes of the benchmark of subscribers have in common: their clock, and their side of a WebSocket. */

/** Microseconds of the clock that all processes of a machine share. */
export const now = (): number => Number(process.hrtime.bigint() / 1_000n)

/** A frame of text from a client (RFC 6455 section 5.2), masked with zeros, which change nothing. */
export function webSocketText(text: string): Buffer {
  const payload = Buffer.from(text)
  const length =
    payload.length < 126
      ? Buffer.from([0x80 | payload.length])
      : Buffer.from([0x80 | 126, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), payload])
}

export const webSocketHandshake = (path: string, protocol?: string): string =>
  [
    `GET ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
    ...(protocol === undefined ? [] : [`sec-websocket-protocol: ${protocol}`]),
    '',
    ''
  ].join('\r\n')
