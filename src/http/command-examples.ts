/** Examples of requests about commands. */

import type { Link, RequestExample } from './request-example.ts'
import { from, one, to } from './request-example.ts'

export const commandRequests: Record<string, Record<string, RequestExample>> = {
  listCommands: {
    demo: {
      summary: 'What was published to a thermostat',
      parameters: { state: ['published', 'undeliverable'], topic: 'demo/lab/target/set', limit: 1 }
    },
    seen: {
      summary: 'What was seen to be done since then',
      parameters: { state: ['succeeded'], awaits: ['effect'], from, to, limit: 10 }
    }
  },
  sendCommands: {
    demo: {
      summary: 'A target for a thermostat, and wait for what becomes of it',
      parameters: { 'idempotency-key': 'warmer-1', prefer: 'wait=5' },
      body: { topic: 'demo/lab/target/set', payload: 23 }
    },
    seen: {
      summary: 'Wait until the thermostat shows that it was done',
      parameters: { prefer: 'wait=5' },
      body: {
        topic: 'demo/office/target/set',
        payload: 19,
        expect: { filter: 'demo/office/target', where: 'eq(payload,19)' },
        timeoutSeconds: 30
      }
    },
    once: {
      summary: 'Not before a time, never twice, as MessagePack',
      parameters: { 'idempotency-key': 'cooler-1' },
      body: {
        topic: 'demo/archive/target/set',
        payload: 17,
        encoding: 'msgpack',
        notBefore: from,
        delivery: 'atMostOnce'
      }
    },
    device: {
      summary: 'By the name of a device and of a command of its mapping',
      body: { device: 'cellar', name: 'set', payload: 12 }
    },
    several: {
      summary: 'Several, with an outcome each',
      body: {
        commands: [
          { topic: 'demo/lab/target/set', payload: 21, expiresInSeconds: 60 },
          { topic: 'demo/office/target/set', payload: 21, qos: 2 }
        ]
      }
    }
  },
  retryCommand: one('And wait for what becomes of it', {
    'idempotency-key': 'warmer-1-again',
    prefer: 'wait=5'
  })
}

export const commandLinks: Record<string, Record<string, Link>> = {
  sendCommands: {
    command: { operationId: 'getCommand', parameter: 'id', from: '$response.body#/id' },
    cancel: { operationId: 'cancelCommand', parameter: 'id', from: '$response.body#/id' },
    retry: { operationId: 'retryCommand', parameter: 'id', from: '$response.body#/id' },
    result: { operationId: 'getTopicByName', parameter: 'min-cursor', from: '$response.header.Rialto-Cursor' }
  }
}
