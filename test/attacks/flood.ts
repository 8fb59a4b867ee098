/**
 * A process of its own that floods the service from an address of its own (127.0.0.2), for some seconds: `connections` that
 * say nothing, `sockets` (WebSockets that are never begun), or GraphQL `documents` made to exhaust a server. Sends what came of it.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'node:net'
import { WebSocket } from 'ws'
import { Agent, request } from 'node:http'

export type Kind = 'connections' | 'sockets' | 'documents'
/** How often each outcome was seen: `opened`, `closed`, `closed 4408`, `status 400`. */
export type Outcome = Record<string, number>

const localAddress = '127.0.0.2'
const many = (count: number, toText: (index: number) => string): string =>
  Array.from({ length: count }, (_, at) => toText(at)).join(' ')

const documents = [
  `{ status { version } topics ${'{ edges '.repeat(50)} ${'}'.repeat(50)} }`,
  `{ status { version } ${'a{'.repeat(6_000)}b${'}'.repeat(6_000)} }`,
  `{ ${many(5_000, (at) => `a${at}: status { version }`)} }`,
  `{ status { ${'version '.repeat(10_000)} } }`,
  `{ status ${'@aa'.repeat(8_000)} { version } }`,
  `{ status { ...F0 } } ${many(60, (at) => `fragment F${at} on Status { ...F${at + 1} ...F${at + 1} }`)} fragment F60 on Status { version }`,
  `{ ${many(300, () => 'status { ... on Status { mqtt { ... on MqttStatus { state } } } }')} }`,
  `{ status { version } } #${'x'.repeat(1_000_000)}`,
  `{ explain(topic: ${'['.repeat(900)}${']'.repeat(900)}) { topic } }`
]

const [kind, address, secondsText, atOnceText, key] = process.argv.slice(2) as [
  Kind,
  string,
  string,
  string,
  string
]
const url = new URL(address)
const until = Date.now() + Number(secondsText) * 1_000
const outcome: Outcome = {}
const count = (what: string): void => void (outcome[what] = (outcome[what] ?? 0) + 1)

/** One after the other, until the time is over; each lasts as long as the service lets it. */
async function again(one: (at: number) => Promise<void>, number: number): Promise<void> {
  for (let at = number; Date.now() < until; at++) await one(at)
}

const connection = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), localAddress })
    const timer = setTimeout(() => socket.destroy(), until - Date.now())
    socket.once('connect', () => count('opened'))
    socket.once('end', () => count('closed by the service'))
    socket.resume()
    socket.once('error', () => count('refused or reset'))
    socket.once('close', () => {
      clearTimeout(timer)
      setTimeout(resolve, 1_000)
    })
  })

const webSocket = (): Promise<void> =>
  new Promise((resolve) => {
    const socket = new WebSocket(`ws://${url.host}/graphql`, 'graphql-transport-ws', { localAddress })
    const timer = setTimeout(() => socket.terminate(), until - Date.now())
    socket.once('open', () => count('opened'))
    socket.once('error', () => count('refused or reset'))
    socket.once('close', (code) => {
      clearTimeout(timer)
      count(`closed with ${code}`)
      setTimeout(resolve, 1_000)
    })
  })

const agent = new Agent({ keepAlive: true, localAddress })
const document = (at: number): Promise<void> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` }
    const ask = request(`${address}/graphql`, { method: 'POST', headers, agent }, (response) => {
      count(`status ${response.statusCode}`)
      response.resume()
      response.once('close', resolve)
    })
    ask.once('error', () => {
      count('refused or reset')
      resolve()
    })
    ask.end(JSON.stringify({ query: documents[at % documents.length] }))
  })

const one = { connections: connection, sockets: webSocket, documents: document }[kind]
const all: Array<Promise<void>> = []
for (let number = 0; number < Number(atOnceText); number++) {
  all.push(again(one, number))
  // As fast as they can be made, but each in its turn
  if (number % 50 === 49) await wait(10)
}
await Promise.all(all)
console.log(JSON.stringify(outcome))
process.exit()
