/** Devices, their metrics and datapoints, in SDL: the views of device-views.ts, field by field. */

import {
  asOfArgument,
  connection,
  filterArgument,
  minCursorArgument,
  pageArguments,
  rangeArguments,
  searchArguments
} from './schema-arguments.ts'

export const datapointFields = /* GraphQL */ `
  "Its number in the message, from 0."
  n: Int!
  "Name of the device."
  device: String!
  "Name of the metric."
  metric: String!
  "Topic name of the message."
  topic: String!
  "null, number, integer (beyond 2^53), boolean, text, json or bytes."
  type: String!
  "The value, as well as JSON can say it; null for null and bytes. An integer beyond 2^53 is the nearest double."
  value: JSON
  "The exact value as text; null for null and bytes."
  valueText: String
  "The bytes; null for everything else."
  valueBase64: Base64
  "Unit, as the mapping or the device gives it."
  unit: String
  "Quality, as the device gives it."
  quality: String
  "When it was observed: never far from receipt."
  observedAt: DateTime!
  "When the message was received."
  receivedAt: DateTime!
  "Whose clock \`observedAt\` is from."
  clock: Clock!
  "Whether it can be the latest."
  role: DatapointRole!`

const nameArgument = /* GraphQL */ `
  "Name of the device."
  id: ID!`

export const devices = /* GraphQL */ `
  extend type Query {
    "Devices, in the order in which they were first heard from, or of what is at a path."
    devices(
      "Only those that are so."
      presence: Presence
      ${searchArguments('metrics/temperature/value')}
      ${asOfArgument}
      ${pageArguments('asc')}
      ${minCursorArgument}
    ): DeviceConnection!
    "One device; null if nothing is known of it."
    device(${nameArgument} ${asOfArgument} ${minCursorArgument}): Device
    "Datapoints of devices, by the time they were observed: those that were known when the first page was read."
    datapoints(
      "Name of a device: \`*\` is any run of characters, and \`\\\\\` makes the next one itself."
      device: String
      "The same for several. With none at all: every device."
      devices: [String!]
      "Name of a metric, with \`*\` likewise."
      metric: String
      "The same for several. With none at all: every metric."
      metrics: [String!]
      ${filterArgument}
      "What must hold of the device now, such as \`eq(presence,\\"online\\")\`; asked anew for each page."
      where: String
      ${rangeArguments('`observedAt`')}
      ${pageArguments('desc')}
      ${minCursorArgument}
    ): DatapointConnection!
  }

  "What something is that sends messages."
  type Device {
    "Its name."
    device: String!
    "Its version: the newest fact that changed it."
    seq: Seq!
    "Name of the mapping that found it last."
    mapping: String!
    "Topic name of the last message from it."
    topic: String!
    "When it was first heard from."
    firstSeenAt: DateTime!
    "When it was last heard from."
    lastSeenAt: DateTime!
    "Whether it can be reached."
    presence: Presence!
    "Since when."
    presenceAt: DateTime
    "What said so."
    presenceSource: PresenceSource
    "After so many seconds without a message it is offline; null: silence says nothing."
    offlineAfterSeconds: Int
    "What is known of it beside metrics: an object."
    attributes: JSON!
    "With asOf: names of attributes that were said since then, first or anew; what they were is not kept."
    attributesChangedSince: [String!]!
    "How many metrics it has."
    metricCount: Int!
    "Its metrics, in the order in which they were first seen."
    metrics(
      "Items of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\`, or the \`cursor\` of an edge, of a page before."
      after: String
    ): MetricConnection!
    "One of its metrics; null if nothing is known of it."
    metric(
      "Name of the metric."
      name: String!
    ): Metric
  }

  "A typed series of datapoints."
  type Metric {
    "Name of the device."
    device: String!
    "Its name."
    metric: String!
    "Its version: the newest fact that changed it."
    seq: Seq!
    "Type of its newest value: null, number, integer (beyond 2^53), boolean, text, json or bytes."
    type: String!
    "Unit of its newest value."
    unit: String
    "Topic name of the message that it was last in."
    topic: String!
    "The one observed last; null where there were only events or late ones."
    latest: Datapoint
    "Its datapoints, by the time they were observed."
    datapoints(${rangeArguments('`observedAt`')} ${pageArguments('desc')}): DatapointConnection!
  }

  "A value of a metric at an instant. \`seq\` and \`n\` are its place: a redrive may change it, and never adds it twice."
  type Datapoint {
    "Position in the journal of the message it is from."
    seq: Seq!
    ${datapointFields}
  }

  "A device came online or went offline."
  type PresenceChange {
    "Its position in the journal."
    seq: Seq!
    "Name of the device."
    device: String!
    "The presence before."
    from: Presence!
    "The presence from then on."
    to: Presence!
    "What said so."
    source: PresenceSource!
    "When."
    at: DateTime!
    "Topic name of the message that said so, or of the last one from the device."
    topic: String!
  }


  ${connection('Device', 'Device', 'Devices')}
  ${connection('Metric', 'Metric', 'Metrics')}
  ${connection('Datapoint', 'Datapoint', 'Datapoints')}
`
