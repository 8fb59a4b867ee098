/** The questions of the benchmark of reads, as each server is asked them, and what its answer says, to be compared. */

import { createHash } from 'node:crypto'
import type { Question } from './http-load.ts'
import { toRequest } from './http-load.ts'
import { sites, topicName } from './reads-data.ts'

/** One server's way to ask. `says` reads the answers of the requests of one question. */
export interface Asked {
  name: string
  server: 'rialto' | 'postgraphile'
  questions: Question[]
  // Answers are read freely
  // eslint-disable-next-line typescript/no-explicit-any
  says: (...bodies: any[]) => string[]
  /** How many things it says; absent: it says what the first who is asked says. */
  items?: number
}

const asked = 1_000
const pageItems = 100
const devicesOfPage = 50
const metricsOfDevice = 10

const numbers = Array.from({ length: asked }, (_, index) => (index * 7) % 10_000)
export const get = (path: string, headers?: Record<string, string>): Buffer =>
  toRequest('GET', `/v1${path}`, undefined, headers)
export const graphql = (query: string, variables: object = {}): Buffer =>
  toRequest('POST', '/graphql', { query, variables })
const each = (toRequestOf: (number: number) => Buffer): Question[] =>
  numbers.map((number) => [toRequestOf(number)])
const enc = encodeURIComponent

/** All that REST answers. */
const message = `seq topic receivedAt qos retain dup format payload payloadText payloadBase64 payloadFault
  properties { contentType payloadFormatIndicator messageExpiryInterval responseTopic correlationData userProperties }`
const whole = `${message} topicId messageSeq retained { ${message} } retainedStatus
  tombstone { at seq cause previous { ${message} } } expiresAt confirmedAt`
/** What a dashboard shows. */
export const few = 'topic seq receivedAt qos payload'
const fewOfPostgraphile = 'name topicStateByTopicId { seq receivedAt qos value }'

interface StateAnswer {
  topic: string
  payload: { temperature: number }
}
interface RowAnswer {
  name: string
  topicStateByTopicId: { value: { temperature: number } }
}
const sayState = ({ topic, payload }: StateAnswer): string => `${topic} ${payload.temperature}`
const sayRow = ({ name, topicStateByTopicId }: RowAnswer): string =>
  `${name} ${topicStateByTopicId.value.temperature}`

export const topicByName: Asked[] = [
  {
    name: 'REST',
    server: 'rialto',
    questions: each((number) => get(`/topic?name=${enc(topicName(number))}`)),
    says: (body) => [sayState(body)]
  },
  {
    name: 'GraphQL, all fields',
    server: 'rialto',
    questions: each((number) =>
      graphql(`query ($name: String!) { topic(name: $name) { ${whole} } }`, { name: topicName(number) })
    ),
    says: (body) => [sayState(body.data.topic)]
  },
  {
    name: 'GraphQL, five fields',
    server: 'rialto',
    questions: each((number) =>
      graphql(`query ($name: String!) { topic(name: $name) { ${few} } }`, { name: topicName(number) })
    ),
    says: (body) => [sayState(body.data.topic)]
  },
  {
    name: 'PostGraphile, five fields',
    server: 'postgraphile',
    // By the hash, since that is what is unique: the client computes it
    questions: each((number) =>
      graphql(
        `query ($hash: Base64EncodedBinary!) { topicByNameHash(nameHash: $hash) { ${fewOfPostgraphile} } }`,
        { hash: createHash('sha256').update(topicName(number)).digest('base64') }
      )
    ),
    says: (body) => [sayRow(body.data.topicByNameHash)]
  }
]

export const notModified = (etags: readonly string[]): Question[] =>
  numbers.map((number, index) => [
    get(`/topic?name=${enc(topicName(number))}`, { 'if-none-match': etags[index]! })
  ])

export const pageOfTopics: Asked[] = [
  {
    name: 'REST',
    server: 'rialto',
    questions: [[get(`/topics?limit=${pageItems}`)]],
    says: (body) => body.items.map(sayState)
  },
  ...['all fields', 'five fields'].map((fields): Asked => ({
    name: `GraphQL, ${fields}`,
    server: 'rialto',
    questions: [
      [
        graphql(
          `query ($first: Int!) { topics(first: $first) {
             nodes { ${fields === 'all fields' ? whole : few} } pageInfo { hasNextPage endCursor } } }`,
          { first: pageItems }
        )
      ]
    ],
    says: (body) => body.data.topics.nodes.map(sayState)
  })),
  {
    name: 'PostGraphile, five fields',
    server: 'postgraphile',
    questions: [
      [
        graphql(
          `query ($first: Int!) { allTopics(first: $first) {
             nodes { ${fewOfPostgraphile} } pageInfo { hasNextPage endCursor } } }`,
          { first: pageItems }
        )
      ]
    ],
    says: (body) => body.data.allTopics.nodes.map(sayRow)
  }
]

const everySite = Array.from({ length: sites }, (_, site) => site)

export const pageByFilter: Asked[] = [
  {
    name: 'REST',
    server: 'rialto',
    questions: everySite.map((site) => [get(`/topics?limit=${pageItems}&filter=site/${site}/%23`)]),
    says: (body) => body.items.map(sayState)
  },
  ...['all fields', 'five fields'].map((fields): Asked => ({
    name: `GraphQL, ${fields}`,
    server: 'rialto',
    questions: everySite.map((site) => [
      graphql(
        `query ($first: Int!, $filter: [String!]) { topics(first: $first, filter: $filter) {
           nodes { ${fields === 'all fields' ? whole : few} } pageInfo { hasNextPage endCursor } } }`,
        { first: pageItems, filter: [`site/${site}/#`] }
      )
    ]),
    says: (body) => body.data.topics.nodes.map(sayState)
  })),
  {
    name: 'PostGraphile, five fields',
    server: 'postgraphile',
    questions: everySite.map((site) => [
      graphql(
        `query ($first: Int!, $pattern: String!) { topicsLike(first: $first, pattern: $pattern) {
           nodes { ${fewOfPostgraphile} } pageInfo { hasNextPage endCursor } } }`,
        { first: pageItems, pattern: `site/${site}/%` }
      )
    ]),
    says: (body) => body.data.topicsLike.nodes.map(sayRow)
  }
]

/** REST takes a request for the devices and one for the metrics of each. */
export const devicesWithMetrics = (firstDevices: readonly string[]): Asked[] => [
  {
    name: `REST, ${devicesOfPage + 1} requests`,
    server: 'rialto',
    questions: [
      [
        get(`/devices?limit=${devicesOfPage}`),
        ...firstDevices.map((device) => get(`/devices/${device}/metrics?limit=${metricsOfDevice}`))
      ]
    ],
    says: (_devices, ...metrics) =>
      metrics.flatMap((body) =>
        body.items.map(
          (item: { device: string; metric: string; latest: { seq: string } }) =>
            `${item.device} ${item.metric} ${item.latest.seq}`
        )
      )
  },
  {
    name: 'GraphQL',
    server: 'rialto',
    questions: [
      [
        graphql(
          `
            query ($first: Int!, $metrics: Int!) {
              devices(first: $first) {
                nodes {
                  device
                  presence
                  metrics(first: $metrics) {
                    nodes {
                      metric
                      latest {
                        seq
                        value
                        observedAt
                      }
                    }
                  }
                }
              }
            }
          `,
          { first: devicesOfPage, metrics: metricsOfDevice }
        )
      ]
    ],
    says: (body) =>
      body.data.devices.nodes.flatMap(
        (node: { device: string; metrics: { nodes: Array<{ metric: string; latest: { seq: string } }> } }) =>
          node.metrics.nodes.map(({ metric, latest }) => `${node.device} ${metric} ${latest.seq}`)
      )
  },
  {
    name: 'PostGraphile',
    server: 'postgraphile',
    questions: [
      [
        graphql(
          `
            query ($first: Int!, $metrics: Int!) {
              allDevices(first: $first, condition: { projectionId: 1 }) {
                nodes {
                  name
                  presence
                  metricsByDeviceId(first: $metrics) {
                    nodes {
                      name
                      latestSeq
                      latestNumber
                      latestObservedAt
                    }
                  }
                }
              }
            }
          `,
          { first: devicesOfPage, metrics: metricsOfDevice }
        )
      ]
    ],
    says: (body) =>
      body.data.allDevices.nodes.flatMap(
        (node: { name: string; metricsByDeviceId: { nodes: Array<{ name: string; latestSeq: string }> } }) =>
          node.metricsByDeviceId.nodes.map(({ name, latestSeq }) => `${node.name} ${name} ${latestSeq}`)
      )
  }
]

export const firstDevices = get(`/devices?limit=${devicesOfPage}`)
