/**
 * `npm run bench reads`: what a read costs, beside the least that it could: state by topic beside a bare Fastify route, a
 * page of topics beside its SQL through bare `pg`, GraphQL beside REST and beside PostGraphile on the same database.
 * All servers run on the Node that PostGraphile asks for, on this machine.
 */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { defaultLimits } from '../src/limits.ts'
import { openDatabase } from '../src/store/database.ts'
import { createAsOf } from '../src/store/as-of.ts'
import { createJournal } from '../src/store/journal.ts'
import type { StatesAsk } from '../src/store/states.ts'
import { createStates } from '../src/store/states.ts'
import { atEnd } from '../test/support/cleanup.ts'
import { everything } from '../test/support/store.ts'
import type { BareTask, Statement } from './bare.ts'
import type { Measured, Side } from './compare.ts'
import { compare } from './compare.ts'
import type { Load, Question } from './http-load.ts'
import { askOnce, load } from './http-load.ts'
import { installPostgraphile, node, startPostgraphile } from './postgraphile.ts'
import type { Fleet } from './reads-data.ts'
import { devices, startFleet } from './reads-data.ts'
import {
  devicesAsOfByGraphql,
  pageAsOf,
  pageAsOfByGraphql,
  searchesByGraphql,
  searchesByRest,
  topicAsOf,
  topicAsOfByGraphql
} from './searches.ts'
import type { Asked } from './reads-questions.ts'
import {
  devicesWithMetrics,
  firstDevices,
  notModified,
  pageByFilter,
  pageOfTopics,
  topicByName
} from './reads-questions.ts'

const rounds = Number(process.env['BENCH_REPEATS'] ?? 7)

interface Server {
  pid: number
  port: number
}

export async function benchReads(write: (line: string) => void): Promise<object[]> {
  const version = installPostgraphile()
  const fleet = await startFleet(node)
  const { child, port } = await startPostgraphile(fleet.databaseUrl, defaultLimits.poolConnectionsMax)
  const servers = {
    rialto: { pid: fleet.service.child.pid!, port: Number(new URL(fleet.service.url).port) },
    postgraphile: { pid: child.pid!, port }
  }
  const bare = await startBare(fleet.databaseUrl)
  const client = new pg.Client({ connectionString: fleet.databaseUrl })
  await client.connect()
  const backends = async (): Promise<number[]> =>
    (
      await client.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
      )
    ).rows.map((row) => row.pid)

  write(
    `${rounds} rounds each, medians; ${devices} topics and devices, 100 bytes of JSON; PostGraphile ${version}; all on this machine`
  )
  const results: object[] = []
  const ask = async (question: string, sides: readonly Side[]): Promise<void> => {
    const measured = await compare(sides, backends, rounds)
    show(write, question, measured)
    results.push({ question, sides: measured })
  }
  const sidesOf = async (asked: readonly Asked[]): Promise<Side[]> => {
    await agree(servers, asked)
    return asked.map(({ name, server, questions }) => sideOf(name, servers[server], questions))
  }

  const then = fleet.halfway
  const byName = await sidesOf(topicByName)
  const etags = await Promise.all(
    topicByName[0]!.questions.map(async ([request]) => {
      const { headers } = await askOnce(servers.rialto.port, request!)
      return /etag: (.*)/i.exec(headers)![1]!.trim()
    })
  )
  byName.splice(1, 0, sideOf('REST, not modified', servers.rialto, notModified(etags)))
  const { body } = await askOnce(servers.rialto.port, topicByName[0]!.questions[0]![0]!)
  await ask('state by topic', [await bare.constant(body), ...byName])

  for (const [question, asked, filters] of [
    ['page of 100 topics', pageOfTopics, []],
    ['page of 100 topics by filter', pageByFilter, ['site/0/#']]
  ] as const) {
    const statements = await statementsOf(fleet, { filters, after: null, limit: 100, order: 'asc' })
    await ask(question, [bare.statements(statements), ...(await sidesOf(asked))])
  }
  await ask(
    'state by topic, now and then',
    await sidesOf([topicByName[0]!, topicAsOf(then), topicByName[2]!, topicAsOfByGraphql(then)])
  )
  await ask(
    'page of 100 topics, now and then',
    await sidesOf([pageOfTopics[0]!, pageAsOf(then), pageOfTopics[2]!, pageAsOfByGraphql(then)])
  )
  await ask('1,000 topics looked at', await sidesOf([...searchesByRest, ...searchesByGraphql]))
  const names = (
    JSON.parse((await askOnce(servers.rialto.port, firstDevices)).body) as {
      items: Array<{ device: string }>
    }
  ).items.map(({ device }) => device)
  await ask(
    '50 devices with metrics',
    await sidesOf([...devicesWithMetrics(names), devicesAsOfByGraphql(then)])
  )

  await client.end()
  child.kill()
  bare.stop()
  await fleet.stop()
  return results
}

const sideOf = (name: string, { pid, port }: Server, questions: readonly Question[]): Side => ({
  name,
  pid,
  run: (how) => load(port, questions, how)
})

/** All who are asked say the same, or nothing is measured. */
async function agree(servers: Record<Asked['server'], Server>, asked: readonly Asked[]): Promise<void> {
  const said = []
  for (const { name, server, questions, says, items } of asked) {
    const bodies: unknown[] = []
    for (const request of questions[0]!) {
      const { status, body } = await askOnce(servers[server].port, request)
      assert.equal(status, 200, `${name}: ${body}`)
      bodies.push(JSON.parse(body))
    }
    const told = says(...bodies)
    if (items === undefined) said.push({ name, says: told.toSorted() })
    else assert.equal(told.length, items, name)
  }
  for (const { name, says } of said) {
    assert.ok(says.length > 0)
    assert.deepEqual(says, said[0]!.says, `${name} does not say what ${said[0]!.name} says`)
  }
}

/** What the service sends to Postgres for a page, as it sends it. */
async function statementsOf(fleet: Fleet, ask: StatesAsk): Promise<Statement[]> {
  const database = openDatabase({ url: fleet.databaseUrl, limits: defaultLimits, onError: () => {} })
  const statements: Statement[] = []
  const query = database.pool.query.bind(database.pool) as (...given: unknown[]) => Promise<unknown>
  Object.assign(database.pool, {
    query(statement: string | Statement, values?: unknown[]) {
      statements.push(
        typeof statement === 'string' ? { text: statement, ...(values && { values }) } : statement
      )
      return query(statement, values)
    }
  })
  await createJournal(database.pool, defaultLimits).head()
  const { items } = await createStates(
    database.pool,
    defaultLimits,
    createAsOf(database.pool, defaultLimits)
  ).page(everything, ask)
  assert.equal(items.length, ask.limit)
  await database.close()
  return statements
}

interface Bare {
  constant(body: string): Promise<Side>
  statements(statements: Statement[]): Side
  stop(): void
}

async function startBare(databaseUrl: string): Promise<Bare> {
  const child: ChildProcess = fork(new URL('bare.ts', import.meta.url), [databaseUrl], {
    execPath: node,
    execArgv: ['--import', 'tsx'],
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  atEnd(() => child.kill('SIGKILL'))
  const [port] = (await once(child, 'message')) as [number]
  const pid = child.pid!
  const perform = async (task: BareTask): Promise<Load> => {
    child.send(task)
    return ((await once(child, 'message')) as [Load])[0]
  }
  return {
    async constant(body) {
      await perform({ do: 'constant', body })
      return sideOf('bare Fastify, constant', { pid, port }, [
        [Buffer.from('GET /constant HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')]
      ])
    },
    statements: (statements) => ({
      name: 'its SQL by bare pg',
      pid,
      run: (how) => perform({ do: 'statements', statements, ...how })
    }),
    stop: () => child.kill()
  }
}

const widths = [42, 9, 9, 9, 10, 12, 11, 11, 11]
const line = (cells: ReadonlyArray<string | number>): string =>
  cells
    .map((cell, at) => (at === 0 ? String(cell).padEnd(widths[0]!) : String(cell).padStart(widths[at]!)))
    .join('')

function show(write: (line: string) => void, question: string, measured: readonly Measured[]): void {
  write('')
  write(line([question, 'p50 ms', 'per s', 'p99 ms', 'CPU us', 'Postgres us', 'x p50', 'x CPU', 'x per s']))
  for (const row of measured)
    write(
      line([
        row.side,
        row.p50Ms,
        row.perSecond,
        row.p99Ms,
        row.serverUs,
        row.postgresUs,
        row.timesP50,
        row.timesCpu,
        row.timesPerSecond
      ])
    )
}
