import type { Examples } from './example.ts'

const json = 'application/senml+json'

export const senml: Examples = {
  options: { topics: ['sensors/{device}'], commandTopic: 'actuators/{device}' },
  messages: [
    {
      topic: 'any/topic',
      contentType: json,
      text: '[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]'
    },
    {
      topic: 'any/topic',
      contentType: json,
      text: '[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1795521596.001,"bu":"A","bver":5,"n":"voltage","u":"V","v":120.1},{"n":"current","t":-2,"v":1.2},{"n":"current","t":-1,"v":1.3},{"n":"current","v":1.7}]'
    },
    {
      topic: 'any/topic',
      contentType: json,
      text: '[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":23.1},{"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfv-reader","vd":"aGkgCg"}]'
    },
    {
      topic: 'any/topic',
      contentType: json,
      text: '[{"bn":"meter/","bu":"W","n":"power","t":-30,"v":1500,"s":36000000}]'
    },
    {
      topic: 'any/topic',
      contentType: 'application/senml+cbor',
      hex: '82a521781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41dac112bf000000236141006763757272656e7402f93e00a2006763757272656e7402fb3ffb333333333333'
    },
    {
      topic: 'any/topic',
      contentType: 'application/sensml+json',
      text: '{"n":"kitchen/temperature","u":"Cel","v":21.5},{"n":"kitchen/humidity","u":"%RH","v":40},'
    },
    { topic: 'sensors/1a', text: '[{"n":"temperature","u":"Cel","v":21.5}]' },
    { topic: 'sensors/1a', text: '[{"bn":"urn:dev:ow:1a:","n":"humidity","u":"%RH","v":40,"ut":60}]' },
    { topic: 'sensors/1a', hex: '81a3006474656d7001634365 6c02c48221196ab3'.replaceAll(' ', '') },
    { topic: 'actuators/1a', contentType: json, text: '[{"n":"fan","vb":true}]' },
    { topic: 'any/topic', contentType: json, text: '[{"n":"a","v":1,"vs":"x"},{"n":"b","v":2}]' },
    { topic: 'any/topic', contentType: json, text: '[{"bver":11,"n":"a","v":1}]' },
    { topic: 'any/topic', contentType: json, text: '[{"n":"a","v":1,"must_":true}]' },
    { topic: 'any/topic', contentType: 'application/json', text: '[{"n":"a","v":1}]' }
  ]
}
