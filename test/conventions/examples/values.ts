import type { Examples } from './example.ts'

export const values: Examples = {
  options: { commandTopic: '{device}/{metric}/set', booleans: true },
  messages: [
    { topic: 'lab/oven/temperature', text: '180.5' },
    { topic: 'lab/oven/energy', text: '9007199254740993' },
    { topic: 'lab/oven/light', text: 'ON' },
    { topic: 'lab/oven/door', text: 'open' },
    { topic: 'lab/oven/serial', text: '00123' },
    { topic: 'lab/oven/program', text: 'null' },
    { topic: 'lab/oven/raw', hex: 'fffe00' },
    { topic: 'lab/oven/name', text: '"Oven, large"' },
    { topic: 'lab/oven/level', contentType: 'application/cbor', hex: 'fb4035800000000000' },
    { topic: 'lab/oven/light/set', text: 'OFF' },
    { topic: 'lab/oven/state', text: '{"not":"a value"}' },
    { topic: 'lab/oven/temperature', text: '' }
  ]
}
