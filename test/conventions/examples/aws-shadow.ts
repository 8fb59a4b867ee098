/** AWS IoT device shadow: a lamp that is told to be red. */

import type { Examples } from './example.ts'

const shadow = '$aws/things/lamp/shadow'
const config = `${shadow}/name/config`
const noon = 1795521600

export const awsShadow: Examples = {
  messages: [
    {
      topic: '$aws/events/presence/connected/lamp',
      text: `{"clientId":"lamp","timestamp":${noon - 60}000,"eventType":"connected","sessionIdentifier":"a4666d2a","ipAddress":"192.0.2.7","versionNumber":0}`
    },
    { topic: `${shadow}/get`, text: '{"clientToken":"lamp-1"}' },
    {
      topic: `${shadow}/get/accepted`,
      text: `{"state":{"desired":{"light":{"color":"green"}},"reported":{"light":{"color":"green","rgb":[0,255,0]},"on":true}},"metadata":{"desired":{"light":{"color":{"timestamp":${noon - 900}}}},"reported":{"light":{"color":{"timestamp":${noon - 800}},"rgb":[{"timestamp":${noon - 800}},{"timestamp":${noon - 800}},{"timestamp":${noon - 800}}]},"on":{"timestamp":${noon - 700}}}},"version":10,"timestamp":${noon - 50},"clientToken":"lamp-1"}`
    },
    {
      topic: `${shadow}/update`,
      text: '{"state":{"desired":{"light":{"color":"red"}}},"clientToken":"rialto-7a51f0f6-3f0b-4f0f-a83c-2a3f7b1f8c11"}'
    },
    {
      topic: `${shadow}/update/accepted`,
      text: `{"state":{"desired":{"light":{"color":"red"}}},"metadata":{"desired":{"light":{"color":{"timestamp":${noon - 40}}}}},"version":11,"timestamp":${noon - 40},"clientToken":"rialto-7a51f0f6-3f0b-4f0f-a83c-2a3f7b1f8c11"}`
    },
    {
      topic: `${shadow}/update/delta`,
      text: `{"state":{"light":{"color":"red"}},"metadata":{"light":{"color":{"timestamp":${noon - 40}}}},"version":11,"timestamp":${noon - 40}}`
    },
    {
      topic: `${shadow}/update/accepted`,
      text: `{"state":{"reported":{"light":{"color":"red","rgb":null}}},"metadata":{"reported":{"light":{"color":{"timestamp":${noon - 30}}}}},"version":12,"timestamp":${noon - 30}}`
    },
    {
      topic: `${shadow}/update/documents`,
      text: `{"previous":{"state":{"desired":{"light":{"color":"red"}},"reported":{"light":{"color":"red"},"on":true}},"metadata":{"desired":{"light":{"color":{"timestamp":${noon - 40}}}},"reported":{"light":{"color":{"timestamp":${noon - 30}}},"on":{"timestamp":${noon - 700}}}},"version":12},"current":{"state":{"desired":{"light":{"color":"red"}},"reported":{"light":{"color":"red"},"on":false}},"metadata":{"desired":{"light":{"color":{"timestamp":${noon - 40}}}},"reported":{"light":{"color":{"timestamp":${noon - 30}}},"on":{"timestamp":${noon - 20}}}},"version":13},"timestamp":${noon - 20}}`
    },
    {
      topic: `${shadow}/update/rejected`,
      text: `{"code":409,"message":"Version conflict","timestamp":${noon - 10},"clientToken":"426bfd96-e720-46d3-95cd-014e3ef12bb6"}`
    },
    { topic: `${shadow}/get/rejected`, text: '{"code":404,"message":"No shadow exists with name: lamp"}' },
    { topic: `${shadow}/delete`, text: '' },
    { topic: `${shadow}/delete/rejected`, text: '{"code":403,"message":"Forbidden"}' },
    { topic: `${shadow}/delete/accepted`, text: `{"version":14,"timestamp":${noon - 5}}` },
    { topic: `${config}/update`, text: '{"state":{"reported":{"interval":30}}}' },
    {
      topic: `${config}/update/accepted`,
      text: `{"state":{"reported":{"interval":30,"zones":[1,2]}},"metadata":{"reported":{"interval":{"timestamp":${noon - 5}}}},"version":1,"timestamp":${noon - 5}}`
    },
    {
      topic: `${config}/update/documents`,
      quiet: true,
      text: `{"current":{"state":{"reported":{"interval":60}},"version":2},"timestamp":${noon}}`
    },
    { topic: `${config}/update/delta`, quiet: true, text: '{"state":{"interval":60},"version":2}' },
    {
      topic: `${config}/update/rejected`,
      quiet: true,
      text: '{"code":400,"message":"Missing required node: state"}'
    },
    { topic: `${config}/get`, quiet: true, text: '' },
    {
      topic: `${config}/get/accepted`,
      quiet: true,
      text: `{"state":{"reported":{"interval":60}},"version":3,"timestamp":${noon}}`
    },
    { topic: `${config}/get/rejected`, quiet: true, text: '{"code":404,"message":"No shadow exists"}' },
    { topic: `${config}/delete`, quiet: true, text: '' },
    { topic: `${config}/delete/accepted`, quiet: true, text: `{"version":4,"timestamp":${noon}}` },
    {
      topic: `${config}/delete/rejected`,
      quiet: true,
      text: '{"code":500,"message":"Internal service failure"}'
    },
    {
      topic: '$aws/events/presence/disconnected/lamp',
      text: `{"clientId":"lamp","timestamp":${noon - 1}000,"eventType":"disconnected","sessionIdentifier":"a4666d2a","clientInitiatedDisconnect":false,"disconnectReason":"CONNECTION_LOST","versionNumber":0}`
    }
  ]
}
