import type { Examples } from './example.ts'

export const json: Examples = {
  options: { commandTopic: '{device}/set', timestamp: 'ts' },
  messages: [
    { topic: 'lab/oven', text: '{"temperature":180.5,"door":{"open":false},"zones":[1,2],"program":null}' },
    { topic: 'lab/oven', text: '{"ts":1795521599,"energy":9007199254740993}' },
    { topic: 'lab/oven', text: '{"ts":"2026-11-24T11:59:58.5Z","a":{"b":{"c":{"d":{"e":{"f":1}}}}}}' },
    { topic: 'lab/oven', text: '{"ts":"soon","temperature":181}' },
    {
      topic: 'lab/fridge',
      contentType: 'application/cbor',
      hex: 'a46b74656d7065726174757265fb40358000000000006868756d69646974791828626f6ef56374616764c3a4c3b6'
    },
    {
      topic: 'lab/fridge',
      contentType: 'application/msgpack',
      hex: '84ab74656d7065726174757265cb4035800000000000a868756d696469747928a26f6ec3a3746167a4c3a4c3b6'
    },
    {
      topic: 'lab/fridge',
      hex: '1f8b08000000000002ffab562a49cd2d482d4a2c292d4a55b23232d433d551ca28cdcd4cc92ca954b23231d051cacf53b22a292a4dd5512a494c57b2523abce4f036a55a00ed22818339000000'
    },
    { topic: 'lab/oven/set', text: '{"light":true}' },
    { topic: 'lab/oven', text: '[1,2,3]' },
    { topic: 'lab/oven', text: '{"temperature":18' },
    { topic: 'lab/oven', text: '{"a":1,"a":2}' }
  ]
}
