/**
 * The baselines of the benchmark of reads, as a process of its own: a bare Fastify route that answers a constant body, and
 * statements through bare `pg`. `bare.ts DATABASE_URL`; told what to do by messages.
 */

import type { AddressInfo } from 'node:net'
import { fastify } from 'fastify'
import pg from 'pg'
import { timed } from './http-load.ts'

export interface Statement {
  name?: string
  text: string
  values?: unknown[]
}

export type BareTask =
  | { do: 'constant'; body: string }
  | { do: 'statements'; statements: Statement[]; connections: number; ms: number }

const clients: pg.Client[] = []
let constant = ''
const app = fastify()
app.get('/constant', (_request, reply) => reply.type('application/json; charset=utf-8').send(constant))
await app.listen({ port: 0, host: '127.0.0.1' })

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: process.argv[2] })
  await client.connect()
  return client
}

process.on('message', (task: BareTask) => {
  void perform(task).then((result) => process.send!(result))
})
process.on('disconnect', () => process.exit())
process.send!((app.addresses()[0] as AddressInfo).port)

async function perform(task: BareTask): Promise<object> {
  if (task.do === 'constant') {
    constant = task.body
    return {}
  }
  while (clients.length < task.connections) clients.push(await connect())
  return timed(clients.slice(0, task.connections), task.ms, async (client) => {
    for (const statement of task.statements) await client.query(statement)
  })
}
