/** Searches of topics for the benchmark of reads: what a predicate costs, a sort, a choice of fields, and the past. */

import type { Asked } from './reads-questions.ts'
import { few, get, graphql } from './reads-questions.ts'
import { sites, topicName } from './reads-data.ts'

/** Of so many sites the topics are a thousand. */
const filters = Array.from({ length: sites / 10 }, (_, site) => `site/${site}/#`)
export const lookedAt = 1_000

const search = `query ($first: Int!, $filter: [String!], $where: String, $sort: String) {
  topics(first: $first, filter: $filter, where: $where, sort: $sort) {
    nodes { ${few} } pageInfo { hasNextPage endCursor } } }`

interface Search {
  name: string
  where?: string
  sort?: string
  fields?: string
  items: number
}

const kinds: Search[] = [
  { name: 'all', items: lookedAt },
  { name: 'where, all match, by payload', where: 'ge(payload/temperature,0)', items: lookedAt },
  { name: 'where, none match, by payload', where: 'eq(payload/mode,"none")', items: 0 },
  { name: 'where, none match, by time', where: 'lt(receivedAt,"2000-01-01T00:00:00Z")', items: 0 },
  { name: 'sort, all, by payload', sort: '-payload/temperature', items: lookedAt },
  { name: 'two fields', fields: 'topic,payload/temperature', items: lookedAt }
]

export const searchesByRest: Asked[] = kinds.map(({ name, items, ...given }) => {
  const query = new URLSearchParams({ limit: String(lookedAt), ...given })
  for (const filter of filters) query.append('filter', filter)
  return {
    name: `REST, ${name}`,
    server: 'rialto',
    questions: [[get(`/topics?${query.toString()}`)]],
    says: (body) => body.items.map(() => 'an item'),
    items
  }
})

export const searchesByGraphql: Asked[] = kinds
  .filter(({ fields }) => fields === undefined)
  .map(({ name, items, where, sort }) => ({
    name: `GraphQL, ${name}`,
    server: 'rialto',
    questions: [[graphql(search, { first: lookedAt, filter: filters, where, sort })]],
    says: (body) => body.data.topics.nodes.map(() => 'an item'),
    items
  }))

const numbers = Array.from({ length: 1_000 }, (_, index) => (index * 7) % 10_000)

/** One topic now and then, and a page of topics now and then. */
export const topicAsOf = (at: Date): Asked => ({
  name: 'REST, as of then',
  server: 'rialto',
  questions: numbers.map((number) => [
    get(`/topic?name=${encodeURIComponent(topicName(number))}&asOf=${at.toISOString()}`)
  ]),
  says: (body) => [body.topic],
  items: 1
})

export const topicAsOfByGraphql = (at: Date): Asked => ({
  name: 'GraphQL, five fields, as of then',
  server: 'rialto',
  questions: numbers.map((number) => [
    graphql(`query ($name: String!, $at: DateTime) { topic(name: $name, asOf: $at) { ${few} } }`, {
      name: topicName(number),
      at: at.toISOString()
    })
  ]),
  says: (body) => [body.data.topic.topic],
  items: 1
})

export const pageAsOf = (at: Date): Asked => ({
  name: 'REST, as of then',
  server: 'rialto',
  questions: [[get(`/topics?limit=100&asOf=${at.toISOString()}`)]],
  says: (body) => body.items.map(() => 'an item'),
  items: 100
})

export const pageAsOfByGraphql = (at: Date): Asked => ({
  name: 'GraphQL, five fields, as of then',
  server: 'rialto',
  questions: [
    [
      graphql(
        `query ($at: DateTime) { topics(first: 100, asOf: $at) {
           nodes { ${few} } pageInfo { hasNextPage endCursor } } }`,
        { at: at.toISOString() }
      )
    ]
  ],
  says: (body) => body.data.topics.nodes.map(() => 'an item'),
  items: 100
})

export const devicesAsOfByGraphql = (at: Date): Asked => ({
  name: 'GraphQL, as of then',
  server: 'rialto',
  questions: [
    [
      graphql(
        `
          query ($at: DateTime) {
            devices(first: 50, asOf: $at) {
              nodes {
                device
                presence
                metrics(first: 10) {
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
        { at: at.toISOString() }
      )
    ]
  ],
  says: (body) =>
    body.data.devices.nodes.flatMap((node: { metrics: { nodes: object[] } }) => node.metrics.nodes),
  items: 150
})
