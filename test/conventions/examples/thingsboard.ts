/** ThingsBoard: a device by its own topics and by the short ones, and two devices behind a gateway. */

import type { Examples } from './example.ts'

const me = 'v1/devices/me'

export const thingsboard: Examples = {
  options: { device: 'boiler' },
  messages: [
    { topic: 'v1/gateway/connect', text: '{"device":"Device A","type":"Sensor A"}' },
    {
      topic: `${me}/attributes`,
      text: '{"firmwareVersion":"2.1.0","serialNumber":"SN-4A21F","config":{"unit":"C"}}'
    },
    { topic: `${me}/telemetry`, text: '{"temperature":42.2,"humidity":70}' },
    { topic: `${me}/telemetry`, text: '[{"key1":"value1"},{"key2":true}]' },
    {
      topic: `${me}/telemetry`,
      text: '{"ts":1795521599512,"values":{"stringKey":"value1","booleanKey":true,"doubleKey":42.0,"longKey":73,"jsonKey":{"someNumber":42,"someArray":[1,2,3],"someNestedObject":{"key":"value"}}}}'
    },
    {
      topic: `${me}/telemetry`,
      text: '[{"ts":1795521598000,"values":{"temperature":42}},{"ts":1795521599000,"values":{"temperature":43}}]'
    },
    { topic: `${me}/attributes/request/1`, text: '{"clientKeys":"firmwareVersion","sharedKeys":"target"}' },
    {
      topic: `${me}/attributes/response/1`,
      text: '{"client":{"firmwareVersion":"2.1.0"},"shared":{"target":21}}'
    },
    { topic: `${me}/attributes`, text: '{"target":22}', quiet: true },
    { topic: `${me}/attributes`, text: '{"deleted":["target"]}' },
    { topic: `${me}/rpc/request/7`, text: '{"method":"setGpio","params":{"pin":23,"value":true}}' },
    { topic: `${me}/rpc/response/7`, text: '{"success":true}' },
    { topic: `${me}/rpc/response/8`, text: '{"error":"no such pin"}' },
    { topic: `${me}/rpc/response/9`, text: '21.5', quiet: true },
    { topic: `${me}/rpc/request/2`, text: '{"method":"getTime","params":{}}', quiet: true },
    { topic: `${me}/claim`, text: '{"secretKey":"value","durationMs":60000}' },
    { topic: 'v1/devices/cellar/telemetry', text: '{"temperature":12}' },
    { topic: 'v2/t', text: '{"temperature":42.2}', quiet: true },
    { topic: 'v2/t/j', text: '{"ts":1795521599512,"values":{"temperature":42.3}}', quiet: true },
    { topic: 'v2/t/p', hex: '0a0474656d70', quiet: true },
    { topic: 'v2/a', text: '{"firmwareVersion":"2.1.0"}', quiet: true },
    { topic: 'v2/a/j', text: '{"firmwareVersion":"2.1.1"}', quiet: true },
    { topic: 'v2/a/req/3', text: '{"sharedKeys":"target"}', quiet: true },
    { topic: 'v2/a/req/j/4', text: '{"sharedKeys":"target"}', quiet: true },
    { topic: 'v2/a/res/3', text: '{"shared":{"target":21}}', quiet: true },
    { topic: 'v2/a/res/j/4', text: '{"shared":{"target":21}}', quiet: true },
    { topic: 'v2/r/req/5', text: '{"method":"setTemperature","params":{"value":26}}', quiet: true },
    { topic: 'v2/r/req/j/6', text: '{"method":"setTemperature","params":{"value":27}}', quiet: true },
    { topic: 'v2/r/res/5', text: '{"result":"ok"}', quiet: true },
    { topic: 'v2/r/res/j/6', text: 'ok', quiet: true },
    { topic: 'v2/r/req/p/6', hex: '08', quiet: true },
    { topic: 'v2/c', text: '{"secretKey":"mySecret"}', quiet: true },
    { topic: 'v2/fw/response/1/chunk/0', hex: '7f454c46', quiet: true },
    { topic: 'v2/sw/request/1/chunk/0', text: '1024', quiet: true },
    {
      topic: '/provision/request',
      text: '{"deviceName":"d","provisionDeviceKey":"k","provisionDeviceSecret":"s"}',
      quiet: true
    },
    {
      topic: 'v1/gateway/telemetry',
      text: '{"Device A":[{"ts":1795521599000,"values":{"temperature":42,"humidity":80}},{"ts":1795521600000,"values":{"temperature":43}}],"Device B":[{"ts":1795521599000,"values":{"temperature":44}}]}'
    },
    {
      topic: 'v1/gateway/attributes',
      text: '{"Device A":{"fw_version":"1.0","battery":87},"Device B":{"fw_version":"2.1"}}'
    },
    { topic: 'v1/gateway/attributes', text: '{"device":"Device A","data":{"target":21}}' },
    {
      topic: 'v1/gateway/attributes/request',
      text: '{"id":1,"device":"Device A","client":["fw_version"],"shared":["target"]}'
    },
    {
      topic: 'v1/gateway/attributes/response',
      text: '{"id":1,"device":"Device A","values":{"fw_version":"1.0","target":21}}'
    },
    {
      topic: 'v1/gateway/rpc',
      text: '{"device":"Device A","data":{"id":1,"method":"toggle_gpio","params":{"pin":1}}}'
    },
    { topic: 'v1/gateway/rpc', text: '{"device":"Device A","id":1,"data":{"success":true}}' },
    {
      topic: 'v1/gateway/claim',
      text: '{"Device A":{"secretKey":"value_A","durationMs":60000}}',
      quiet: true
    },
    { topic: 'v1/gateway/disconnect', text: '{"device":"Device A"}' }
  ]
}
