/** Retained messages of the embedded broker in a file, one JSON document a line. */

import * as fs from 'node:fs/promises'
import { dirname } from 'node:path'
import type { AedesPublishPacket } from 'aedes'
import type { Logger } from 'pino'

/** The part of aedes' storage that its types leave out. */
export interface RetainedStorage {
  storeRetained(packet: RetainedPacket): Promise<void>
  createRetainedStream(filter: string): AsyncIterable<RetainedPacket>
}

type RetainedPacket = Pick<AedesPublishPacket, 'cmd' | 'topic' | 'payload' | 'qos' | 'retain' | 'dup'> & {
  properties?: AedesPublishPacket['properties']
  /** When the message expires, in milliseconds since 1970. */
  messageExpiry?: number
}

export async function saveRetained(storage: RetainedStorage, file: string): Promise<void> {
  const unfinished = `${file}.tmp`
  const handle = await fs.open(unfinished, 'w', 0o600)
  try {
    await fs.writeFile(handle, encodeAll(storage.createRetainedStream('#')))
    await handle.sync()
    const { uid, gid } = await fs.stat(dirname(file))
    if (process.getuid?.() === 0) await handle.chown(uid, gid) // who may start it next time
  } finally {
    await handle.close()
  }
  await fs.rename(unfinished, file)
}

async function* encodeAll(packets: AsyncIterable<RetainedPacket>): AsyncGenerator<string> {
  for await (const packet of packets) if (!isExpired(packet)) yield `${encodeRetained(packet)}\n`
}

/** What cannot be read is told and set aside, so that a damaged file neither stops the start nor is lost. */
export async function loadRetained(
  storage: RetainedStorage,
  file: string,
  log: Pick<Logger, 'warn'>
): Promise<void> {
  const content = await fs.readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0)
    throw error
  })
  let damaged = 0
  for (const line of splitLines(content)) {
    const packet = decodeRetained(line)
    if (packet) await storage.storeRetained(packet)
    else damaged++
  }
  if (damaged === 0) return
  await fs.copyFile(file, `${file}.damaged`)
  log.warn({ damaged, copy: `${file}.damaged` }, 'Some retained messages could not be read')
}

/** By the byte: `node:readline` also splits at U+2028, which a topic may contain. */
function* splitLines(content: Buffer): Generator<string> {
  for (let start = 0; start < content.length;) {
    const newline = content.indexOf('\n', start)
    const end = newline === -1 ? content.length : newline
    yield content.toString('utf8', start, end)
    start = end + 1
  }
}

/** A retained message in the file: bytes as base64, absent what the publisher did not give. */
type RetainedLine = Pick<RetainedPacket, 'topic' | 'qos' | 'messageExpiry'> & {
  payload: string
  properties?: Omit<NonNullable<RetainedPacket['properties']>, 'correlationData'> & {
    correlationData?: string
  }
}

function encodeRetained({ topic, payload, qos, properties, messageExpiry }: RetainedPacket): string {
  const correlationData = properties?.correlationData?.toString('base64')
  return JSON.stringify({
    topic,
    payload: Buffer.from(payload).toString('base64'),
    qos,
    properties: properties && { ...properties, correlationData },
    messageExpiry
  })
}

function decodeRetained(line: string): RetainedPacket | undefined {
  try {
    const { payload, properties, ...rest } = JSON.parse(line) as RetainedLine
    if (typeof rest.topic !== 'string' || typeof payload !== 'string' || ![0, 1, 2].includes(rest.qos))
      return undefined
    const packet: RetainedPacket = {
      cmd: 'publish',
      ...rest,
      payload: fromBase64(payload),
      retain: true,
      dup: false
    }
    if (!properties) return packet
    const { correlationData, ...others } = properties
    return {
      ...packet,
      properties: { ...others, ...(correlationData && { correlationData: fromBase64(correlationData) }) }
    }
  } catch {
    return undefined
  }
}

const fromBase64 = (text: string): Buffer => Buffer.from(text, 'base64')

const isExpired = ({ messageExpiry }: RetainedPacket): boolean =>
  messageExpiry !== undefined && messageExpiry <= Date.now()
