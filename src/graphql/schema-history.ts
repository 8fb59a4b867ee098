/** Series of numbers by buckets of time, in SDL: the views of history/views.ts, field by field. */

import { connection, filterArgument, minCursorArgument } from './schema-arguments.ts'

const deviceArgument = /* GraphQL */ `
  "Names of devices, in which * is any run of characters and \\\\ makes the next one itself. None: every device."
  device: [String!]`
const metricArgument = /* GraphQL */ `
  "Names of metrics, in which * is any run of characters and \\\\ makes the next one itself. None: every metric."
  metric: [String!]`

const bucketArguments = /* GraphQL */ `
  "The first bucket is the one that this is in."
  from: DateTime!
  "The last bucket is the one that the time before this is in. Absent: now."
  to: DateTime
  "Length of a bucket, an ISO 8601 duration of one unit, such as PT15M, PT1H, P1D, P1W, P1M."
  bucket: String!
  "Time zone in whose days and hours buckets begin: an IANA name such as Europe/Berlin."
  tz: String! = "UTC"
  "What is made of the numbers of a bucket: count, min, max, mean, sum, first, last, timeWeightedMean, rate, p50, p99.9."
  fn: [String!]! = ["mean"]
  "What stands where a bucket has no numbers."
  fill: Fill! = NULL
  "Read this, even where something faster says the same."
  source: HistorySourceWanted`

const frame = /* GraphQL */ `
  "Where the first bucket begins."
  from: DateTime!
  "Where the last bucket ends."
  to: DateTime!
  "Length of a bucket."
  bucket: String!
  "Time zone of the buckets."
  tz: String!
  "What stands where a bucket has no numbers."
  fill: Fill!
  "Where each bucket begins: the values of every series are in this order."
  starts: [DateTime!]!
  "What was read."
  source: HistorySource!
  "Before this, what was read is no longer kept, or not as a whole; null: all of it is there."
  keptFrom: DateTime`

const columns = /* GraphQL */ `
  "Its numbers by one of the functions that were asked for, a value for each bucket."
  values(
    "One of \`fn\`."
    fn: String!
  ): [Float]!
  "The same for every function, in the order in which they were asked for."
  columns: [HistoryColumn!]!`

export const history = /* GraphQL */ `
  extend type Query {
    "Numbers of many series by buckets of time, in the order in which the series were first seen: docs/history.md has all of it."
    history(
      ${deviceArgument}
      ${metricArgument}
      ${filterArgument}
      "What must hold of the device now, such as \`eq(presence,\\"online\\")\`; asked anew for each page."
      where: String
      ${bucketArguments}
      "Series of a page: 1 to 1000, by default 100."
      first: Int
      "\`endCursor\`, or the \`cursor\` of an edge, of a page before, with the same other arguments."
      after: String
      ${minCursorArgument}
    ): HistoryConnection!
  }

  extend type Device {
    "Numbers of its metrics by buckets of time, all of them."
    history(${metricArgument} ${bucketArguments}): DeviceHistory!
  }

  extend type Metric {
    "Its numbers by buckets of time."
    history(${bucketArguments}): MetricHistory!
  }

  ${connection('History', 'Series', 'Series', frame)}

  "Numbers of a metric by buckets of time."
  type Series {
    "Name of the device."
    device: String!
    "Name of the metric."
    metric: String!
    "Type of its newest value: null, number, integer (beyond 2^53), boolean, text, json or bytes. Null where that may not be read."
    type: String
    "Unit of its newest value; null where there is none, or that may not be read."
    unit: String
    "Topic name of the message that it was last in; null where it may not be read."
    topic: String
    ${columns}
  }

  "Numbers by one function."
  type HistoryColumn {
    "The function."
    fn: String!
    "A value for each bucket."
    values: [Float]!
  }

  "Numbers of the metrics of a device by buckets of time."
  type DeviceHistory {
    ${frame}
    "Its metrics, in the order in which they were first seen."
    series: [Series!]!
  }

  "Numbers of one metric by buckets of time."
  type MetricHistory {
    ${frame}
    ${columns}
  }
`
