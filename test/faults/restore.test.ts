/**
 * Backup and restore as operators do it, with the tools of Postgres, under the whole service and a real broker: what
 * clients held before goes on where its facts are still there, and is told where they are not.
 */

import assert from 'node:assert/strict'
import { appendFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import type { App } from '../../src/app.ts'
import { graphql, postJson, request, startBridge } from '../support/bridge.ts'
import { query } from '../support/database.ts'
import type { DebianPostgres } from '../support/debian-postgres.ts'
import { startDebianPostgres } from '../support/debian-postgres.ts'
import { eventually } from '../support/eventually.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt.ts'
import { openSse } from '../support/sse.ts'

let server: Promise<DebianPostgres> | null = null
const postgres = (): Promise<DebianPostgres> => (server ??= startDebianPostgres())

interface Way {
  name: string
  database: string
  /** While the service runs; what comes after it will be lost. */
  backUp: (server: DebianPostgres, database: string) => Promise<void>
  /** While it does not. Returns the database that is restored. */
  restore: (server: DebianPostgres, database: string) => Promise<string>
  timeline: string
}

const dumpOf = ({ room }: DebianPostgres, database: string): string => join(room, `${database}.dump`)
const dump: Way['backUp'] = (pg, database) =>
  pg.run('pg_dump', '--format=custom', `--file=${dumpOf(pg, database)}`, pg.url(database))

const ways: Way[] = [
  {
    name: 'pg_dump, and pg_restore into a new database',
    database: 'dumped',
    backUp: dump,
    async restore(pg, database) {
      await pg.createDatabase('fresh')
      await pg.run('pg_restore', '--exit-on-error', '--no-owner', '-d', pg.url('fresh'), dumpOf(pg, database))
      return 'fresh'
    },
    timeline: '00000001'
  },
  {
    name: 'pg_dump, and pg_restore into the same database, emptied',
    database: 'emptied',
    backUp: dump,
    async restore(pg, database) {
      // `--clean` cannot: Postgres refuses to drop the inherited keys of partitions
      await query(pg.url(database), 'drop owned by current_user')
      await pg.run(
        'pg_restore',
        '--exit-on-error',
        '--no-owner',
        '-d',
        pg.url(database),
        dumpOf(pg, database)
      )
      return database
    },
    timeline: '00000001'
  },
  {
    name: 'base backup, WAL archive and recovery to a point in time',
    database: 'recovered',
    async backUp(pg) {
      const at = new URL(pg.superuserUrl('postgres'))
      await pg.run(
        'pg_basebackup',
        '-D',
        join(pg.room, 'base'),
        '-h',
        at.hostname,
        '-p',
        at.port,
        '-U',
        'postgres',
        '-c',
        'fast'
      )
      await query(at.href, `select pg_create_restore_point('wanted')`)
    },
    async restore(pg, database) {
      await query(pg.superuserUrl('postgres'), 'select pg_switch_wal()')
      await pg.stop()
      await pg.copy(join(pg.room, 'base'), pg.data)
      const recovery = [
        `restore_command = 'cp ${pg.archive}/%f %p'`,
        `recovery_target_name = 'wanted'`,
        `recovery_target_action = 'promote'`
      ]
      await appendFile(join(pg.data, 'postgresql.auto.conf'), `${recovery.join('\n')}\n`)
      await writeFile(join(pg.data, 'recovery.signal'), '')
      await pg.start()
      return database
    },
    timeline: '00000002'
  },
  {
    name: 'data directory copied back, and the statement that tells it',
    database: 'copied',
    async backUp(pg) {
      await pg.stop()
      await pg.copy(pg.data, join(pg.room, 'copy'))
      await pg.start()
    },
    async restore(pg, database) {
      await pg.stop()
      await pg.copy(join(pg.room, 'copy'), pg.data)
      await pg.start()
      await query(pg.url(database), `update journals set marker = 'restored'`)
      return database
    },
    timeline: '00000002'
  }
]

const list = (app: App, path: string) => request(`${app.url}/v1/${path}`)
const journalsOf = (url: string) =>
  query<{ id: string; began_seq: string; marker: string }>(
    url,
    'select id, began_seq, marker from journals order by number'
  )

/** What a client holds: a cursor, and tokens of pages. */
async function hold(app: App, seen: string) {
  const topics = await list(app, 'topics?limit=2')
  const messages = await list(app, 'messages?limit=2&order=asc')
  const connection = await graphql(app.url, '{ messages(first: 2, order: asc) { pageInfo { endCursor } } }')
  return {
    cursor: seen,
    topics: topics.body.next as string,
    messages: messages.body.next as string,
    endCursor: connection.messages.pageInfo.endCursor as string
  }
}

type Held = Awaited<ReturnType<typeof hold>>

type Errors = ReadonlyArray<{ extensions?: { code?: unknown } }> | undefined

/** The errors of a subscription's first result. */
async function firstOf(app: App, text: string, variables: Record<string, unknown>): Promise<Errors> {
  const url = `${app.url.replace('http', 'ws')}/graphql`
  const client = createClient({ url, webSocketImpl: WebSocket, retryAttempts: 0 })
  try {
    return await new Promise<Errors>((resolve) => {
      const error = (found: unknown): void => resolve(found as Errors)
      client.subscribe(
        { query: text, variables },
        { next: (value) => resolve(value.errors), error, complete() {} }
      )
    })
  } finally {
    await client.dispose()
  }
}

/** The answer of every surface to what a client held: the code of its problem, or `goes on`. */
async function answersTo(app: App, held: Held): Promise<string[]> {
  const rest = async (path: string): Promise<string> => {
    const answer = await list(app, path)
    return answer.status === 200 ? 'goes on' : `${answer.status} ${answer.body.code}`
  }
  const stream = async (headers: Record<string, string>, path = 'stream'): Promise<string> => {
    const abort = new AbortController()
    const response = await fetch(`${app.url}/v1/${path}`, { headers, signal: abort.signal })
    const answer = response.ok
      ? 'goes on'
      : `${response.status} ${((await response.json()) as { code: string }).code}`
    abort.abort()
    return answer
  }
  const overHttp = await postJson(`${app.url}/graphql`, {
    query: 'query ($after: String) { messages(first: 2, order: asc, after: $after) { nodes { seq } } }',
    variables: { after: held.endCursor }
  })
  const overSocket = await firstOf(
    app,
    'subscription ($after: String) { events(after: $after, types: [message, progress]) { cursor } }',
    { after: held.cursor }
  )
  const codeOf = (errors: Errors): string =>
    errors === undefined ? 'goes on' : String(errors[0]?.extensions?.code)
  return [
    await stream({ 'last-event-id': held.cursor }),
    await stream({}, `stream?after=${held.cursor}`),
    await rest(`topics?limit=2&page=${held.topics}`),
    await rest(`messages?limit=2&order=asc&page=${held.messages}`),
    codeOf(overHttp.body.errors),
    codeOf(overSocket)
  ]
}

const all = (answer: string, problem: string): string[] => [answer, answer, answer, answer, problem, problem]

for (const { name, database, backUp, restore, timeline } of ways) {
  test(name, async () => {
    const pg = await postgres()
    await pg.createDatabase(database)
    const broker = await startMosquitto()
    const { client } = await connectClient(broker.url)
    const open = (url: string) =>
      startBridge({ mqttUrl: broker.url, databaseUrl: url, config: { filters: ['story/#'] } })
    const messagesSince = async (app: App, cursor: string, last: string) => {
      const sse = await openSse(`${app.url}/v1/stream?types=message&types=gap`, { 'last-event-id': cursor })
      const end = await sse.find('message', (data) => data.message.payloadText === last)
      sse.close()
      return sse.events.slice(0, sse.events.indexOf(end) + 1)
    }
    const publish = async (...payloads: string[]): Promise<void> => {
      for (const payload of payloads) await client.publishAsync(`story/${payload}`, payload, { qos: 1 })
    }

    const before = await open(pg.url(database))
    const live = await openSse(`${before.url}/v1/stream`)
    await publish('1', '2', '3', '4')
    const early = await hold(
      before,
      (await live.find('message', (data) => data.message.payloadText === '2')).id
    )
    await live.find('message', (data) => data.message.payloadText === '4')
    await backUp(pg, database)
    // A stop of Postgres within the backup is over when the service takes messages again
    const again = await openSse(`${before.url}/v1/stream`, { 'last-event-id': early.cursor })
    await publish('lost 1', 'lost 2', 'lost 3')
    const late = await hold(
      before,
      (await again.find('message', (data) => data.message.payloadText === 'lost 3')).id
    )
    const lostSeq = Number(
      (await again.find('message', (data) => data.message.payloadText === 'lost 3')).data.message.seq
    )
    assert.deepEqual(await answersTo(before, late), all('goes on', 'goes on'))
    await before.close()
    assert.equal((await journalsOf(pg.url(database))).length, 1)

    const url = pg.url(await restore(pg, database))
    const after = await open(url)
    const journals = await journalsOf(url)
    assert.equal(journals.length, 2)
    assert.match(journals[1]!.marker, new RegExp(`timeline ${timeline},`))
    await publish('new 1')

    // On from before the backup: each that is left once, in order, and then the gap
    const events = await messagesSince(after, early.cursor, 'new 1')
    assert.deepEqual(
      events.filter(({ event }) => event === 'message').map(({ data }) => data.message.payloadText),
      ['3', '4', 'new 1']
    )
    const told = events.filter(({ event, data }) => event === 'gap' && data.gap.cause === 'restored')
    assert.equal(told.length, 1)
    assert.deepEqual(await answersTo(after, early), all('goes on', 'goes on'))
    const rest = await list(after, `messages?limit=100&order=asc&page=${early.messages}`)
    assert.deepEqual(
      rest.body.items
        .map((item: { payloadText: string }) => item.payloadText)
        .filter((text: string) => text <= '4'),
      ['3', '4'].slice(0, rest.body.items.length)
    )

    // On from after it: told, also when the new journal has a fact of that number
    assert.deepEqual(await answersTo(after, late), all('409 cursor_ahead', 'cursor_ahead'))
    await publish(...Array.from({ length: lostSeq }, (_, index) => `more ${index}`))
    await eventually(
      async () => Number((await list(after, 'messages?limit=1')).body.items[0].seq) > lostSeq + 1
    )
    assert.deepEqual(await answersTo(after, late), all('409 cursor_ahead', 'cursor_ahead'))

    const gaps = (await list(after, 'gaps')).body.items.filter(
      (gap: { cause: string }) => gap.cause === 'restored'
    )
    assert.equal(gaps.length, 1)
    // With those of the connection: each that this start told is counted
    const began = Number(journals[1]!.began_seq)
    await eventually(async () => {
      const { items } = (await list(after, 'gaps')).body
      const counted = [...after.stats.gaps.values()].reduce((sum, gaps) => sum + gaps, 0)
      return counted === items.filter((gap: { seq: string }) => Number(gap.seq) > began).length
    })
    assert.ok(Date.parse(gaps[0].from) < Date.parse(gaps[0].to))
    const viaGraphql = await graphql(after.url, '{ gaps(first: 100) { nodes { cause } } }')
    assert.ok(viaGraphql.gaps.nodes.some((gap: { cause: string }) => gap.cause === 'restored'))

    // A start like any other
    await after.close()
    const last = await open(url)
    assert.deepEqual(await journalsOf(url), journals)
    assert.deepEqual(await answersTo(last, early), all('goes on', 'goes on'))
    await last.close()
    await client.endAsync()
    await broker.stop()
  })
}
