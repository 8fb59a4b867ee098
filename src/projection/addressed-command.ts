/** A command as a client gives it, to a topic or to a device; both become a message to publish. */

import { randomUUID } from 'node:crypto'
import type { Access, MessageProperties } from '../model.ts'
import type { Projections } from './projections.ts'

/** Of a command to a device: its topic, QoS and properties follow from the device. */
export interface ToDevice {
  device: string
  name: string
}

interface Sendable {
  payload: Buffer
  retain: false
  expiresInSeconds: number | null
}

/** Throws Problem not_found for the device, and invalid_value for the rest. */
export async function addressCommand<T extends Sendable>(
  projections: Pick<Projections, 'address'>,
  access: Access,
  { device, name }: ToDevice,
  command: T
): Promise<T & { id: string; topic: string; qos: 0 | 1 | 2; properties: MessageProperties | null }> {
  const id = randomUUID()
  const { payload } = command
  return { ...command, id, ...(await projections.address(access, { id, device, name, payload })) }
}
