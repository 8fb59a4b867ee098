/** AirVantage: data in every shape, time series, a task and its acks, trace lines, and events for applications. */

import type { Examples } from './example.ts'

const device = '00000000B6AF4A9D'
const data = `${device}/messages/json`

export const airvantage: Examples = {
  options: { availability: ['{device}/status'] },
  messages: [
    { topic: `${device}/status`, text: 'online' },
    {
      topic: data,
      text: '{"1795521599000": {"machine.temperature": 23.2, "machine.humidity": 70}, "1795521600000": {"machine.temperature": 24.5}, "1795521599000": {"machine.threshold": 30}}'
    },
    { topic: data, text: '{"machine.temperature": 23.2, "machine.humidity": 70}' },
    {
      topic: data,
      text: '[{"machine.temperature": [{"timestamp": 1795521599000, "value": 42.2}, {"timestamp": 1795521600000, "value": 42.3}]}]'
    },
    {
      topic: data,
      text: '[{"machine.temperature":[{"timestamp":1795521599000,"value":"23.2"}]},{"machine.threshold":[{"timestamp":1795521599000,"value":"30"}]}]',
      quiet: true
    },
    { topic: data, text: '[{"machine.temperature":[{"timestamp":1795521599,"value":"23.2"}]}]' },
    { topic: data, text: '[{"temperature":[{"timestamp":null,"value":21.5}]}]' },
    { topic: data, text: '[{"MilliSec": [{"timestamp" : "", "value" : "12345"}]}]', quiet: true },
    { topic: data, text: '{"1795521599000":{"counter":"7"}}', quiet: true },
    {
      topic: data,
      text: '[{"_RSSI":[{"timestamp":1795521599000,"value":-71}],"_LATITUDE":[{"timestamp":1795521599000,"value":43.6}],"phone.alarm":[{"timestamp":1795521599000,"value":true}]}]',
      quiet: true
    },
    {
      topic: `${device}/messages/ts`,
      hex: 'a361688661786179617a636c6174646c6f6e67657370656564616687fb3f847ae147ae147b0101011a000f42401a000f42400161738e1b0000000349cefdb40002001a02f2a0491a0008348f1864010001000000fbbff999999999999a'
    },
    {
      topic: `${device}/messages/tsz`,
      hex: '78da5b9c98d1965891589958959c93589292939f979e5a5c909a9a9298d6fedbbea5eaa1fb3a916a46464629067e270730c19858dc27cdc0c0c0ec79eeef1606260629a64f0b3ca518384cfa25521819188132bff7ff9c0902b3001ae31fe2',
      quiet: true
    },
    {
      topic: `${device}/messages/ts`,
      hex: 'a3616883736d616368696e652e74656d70657261747572656c6d616368696e652e646f6f726d6d616368696e652e6c6162656c616684fb3ff0000000000000fb4024000000000000fb0000000000000000fb000000000000000061738c1b00000148d4db1a5018ebf56469646c651903e8f6f4f61901f424f66372756e',
      quiet: true
    },
    {
      topic: `${device}/tasks/json`,
      text: '[{"uid":"3c12547b613740adb686271bdc8f097c","timestamp":1795521599188,"read":["machine.temperature"]},{"uid":"8006cc58ba2141f69161a78f1bfdea1d","timestamp":1795521599566,"write":[{"machine.threshold":25}]}]'
    },
    {
      topic: `${device}/acks/json`,
      text: '[{"uid": "3c12547b613740adb686271bdc8f097c", "status" : "OK"}, {"uid": "8006cc58ba2141f69161a78f1bfdea1d", "status" : "ERROR", "message" : "unknown command"}]'
    },
    {
      topic: `${device}/tacks/json`,
      text: '[{"uid":"59976b814d0b45d1b12371e66fc87d1f","timestamp":1795521599027,"command":{"id":"home.BedRoom1","params":{"Light":true,"AirConditioner":null,"Shutters":true}}}]',
      quiet: true
    },
    { topic: `${device}/errors`, text: 'The path machine.tmperature is not in the application model' },
    { topic: 'errors', text: 'Unable to parse the payload', quiet: true },
    {
      topic: 'MonitoringData',
      text: '{"name":"event.system.incoming.communication","date":1795521600523,"content":{"system.id":"f89476adad3b4cad97b1ac0a8fe1bf44","communication.id":"CA6598741255","message.id":"3355fd07d0314e8792015192271895e4","1795521599874":{"int.variable.path":984,"double.variable.path":985.32},"1795521600125":{"string.variable.path":"value"}}}'
    },
    {
      topic: 'OperationStateChange',
      text: '{"name":"event.operation.state.change","date":1795521600523,"content":{"operation.uid":"f89476adad3b4cad97b1ac0a8fe1bf44","operation.state.old":"IN_PROGRESS","operation.state.new":"FINISHED","operation.counters":{"success":15}}}'
    },
    { topic: `${device}/status`, text: 'offline' }
  ]
}
