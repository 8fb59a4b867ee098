/**
 * What became of commands, against what happened: the journal's facts must be a path through the table of the lifecycle with
 * one end, and no state may say what is not so. Each figure counts commands; all must be 0.
 */

import type { Command, CommandState, CommandTransition } from '../../src/command.ts'
import { transitions } from '../../src/commands/lifecycle.ts'
import { factKinds } from '../../src/model.ts'
import { query } from '../support/database.ts'
import type { CommandedDevice, Task } from './commanded-device.ts'
import type { Asked } from './commanders.ts'

export interface CommandFigures extends Record<string, number> {
  /** Not final. */
  stranded: number
  /** Facts that the table does not allow, more or fewer ends than one, or another state than that of the last fact. */
  illegal: number
  /** Requests with other than one command, or with several answers. */
  commandsTooMany: number
  answersTooMany: number
  /** Done by the device more than once, although it does each id once. */
  actedTwice: number
  /** `atMostOnce`, and sent to the broker more often. */
  sentTwice: number
  /** The state says what is not so. */
  untrue: number
}

/** What is promised: none of them. */
export const commandPromise: CommandFigures = {
  stranded: 0,
  illegal: 0,
  commandsTooMany: 0,
  answersTooMany: 0,
  actedTwice: 0,
  sentTwice: 0,
  untrue: 0
}

/** What is known from outside. */
export interface Happened {
  asked: readonly Asked[]
  device: CommandedDevice
  /** How often each id was sent to the broker. */
  sent: ReadonlyMap<string, number>
}

interface Row {
  id: string
  state: CommandState
  delivery: Command['delivery']
  awaits: Command['awaits']
  finished_at: Date | null
  timeout_at: Date | null
  publish_seq: string | null
  response_seq: string | null
  effect_seq: string | null
  attempts: number
  broker_reason_code: number | null
  reason: string | null
  task: Task
}

type Fact = CommandTransition & { seq: number }

interface Heard {
  seq: number
  at: Date
  /** Of the command that it answers, or whose effect it is. */
  number: number
  ok: boolean
}

export interface CommandReckoning {
  figures: CommandFigures
  /** How many ended in each state, and had each event. */
  states: Record<string, number>
  events: Record<string, number>
  /** What is wrong, in words. */
  faults: string[]
}

export async function reckonCommands(url: string, happened: Happened): Promise<CommandReckoning> {
  const rows = await query<Row>(
    url,
    `select id, state, delivery, awaits, finished_at, timeout_at, publish_seq, response->>'seq' as response_seq, effect_seq,
       attempts, broker_reason_code, reason, convert_from(payload, 'UTF8')::json as task from commands`
  )
  const facts = await query<{ detail: Fact }>(
    url,
    `select detail::jsonb || jsonb_build_object('seq', seq) as detail from journal where kind = ${factKinds.command} order by seq`
  )
  const heard = await hearings(url)
  const factsOf = grouped(
    facts.map(({ detail }) => detail),
    ({ id }) => id
  )
  const rowsOf = grouped(rows, ({ task }) => task.number)
  const faults: string[] = []
  const figures: CommandFigures = { ...commandPromise }
  const count = (figure: string, fault: string): void => {
    figures[figure]!++
    faults.push(`${figure}: ${fault}`)
  }
  for (const { number, kind, answers } of happened.asked) {
    const commands = rowsOf.get(number) ?? []
    if (commands.length !== 1) count('commandsTooMany', `${kind} ${number} has ${commands.length}`)
    if (answers.size !== 1) count('answersTooMany', `${kind} ${number}: ${[...answers].join(' and ')}`)
  }
  for (const [number, times] of happened.device.actions)
    if (times > 1) count('actedTwice', `${number} was done ${times} times`)
  for (const row of rows) {
    const path = factsOf.get(row.id) ?? []
    const words = `${row.id} (${JSON.stringify(row.task).slice(0, 80)}): ${path.map(({ event, to }) => `${event} ${to}`).join(', ')}`
    if (row.finished_at === null) count('stranded', words)
    const illegal = illegality(row, path)
    if (illegal !== null) count('illegal', `${illegal}: ${words}`)
    const sent = happened.sent.get(row.id) ?? 0
    if (row.delivery === 'atMostOnce' && sent > 1) count('sentTwice', `${sent} times: ${words}`)
    const lie = untruth(row, {
      sent,
      acted: happened.device.heard.has(row.id),
      heard: heard.get(row.task.number) ?? []
    })
    if (lie !== null) count('untrue', `${lie}: ${words}`)
  }
  return {
    figures,
    states: tally(rows.map(({ state }) => state)),
    events: tally(facts.map(({ detail }) => detail.event ?? 'none')),
    faults
  }
}

/** Of the journal: what devices said, and did, by the number of the command. */
async function hearings(url: string): Promise<Map<number, Heard[]>> {
  const rows = await query<{ seq: string; at: Date; said: { number?: number; done?: number; ok?: boolean } }>(
    url,
    `select j.seq, j.at, convert_from(j.payload, 'UTF8')::json as said from journal j join topics t on t.id = j.topic_id
     where j.kind in (${factKinds.message}, ${factKinds.snapshot}) and (t.name like 'plant/%/state' or t.name like 'rialto/%/responses/%') order by j.seq`
  )
  const heard = rows.map(({ seq, at, said }) => ({
    seq: Number(seq),
    at,
    number: said.number ?? said.done!,
    ok: said.ok ?? true
  }))
  return grouped(heard, ({ number }) => number)
}

/** Why its facts are no path through the table that ends once, where it says it is. */
function illegality(row: Row, facts: readonly Fact[]): string | null {
  let state: CommandState | null = null
  let final = false
  let late = 0
  for (const { from, to, event, final: ends } of facts) {
    if (from !== state) return `from ${from}, which it was not`
    if (event === 'answerLate') {
      if (!final) return 'a late answer to what is not final'
      if (to !== from) return 'a late answer that moves'
      if (++late > 1) return 'two late answers'
      continue
    }
    if (final) return 'moved after its end'
    if (event === 'submit') {
      if (from !== null || (to !== 'scheduled' && to !== 'pending')) return 'accepted twice, or wrongly'
    } else if (from === null || event === undefined || transitions[from][event] !== to || from === to) {
      return `${event} does not lead from ${from} to ${to}`
    }
    state = to
    final = ends === true
  }
  if (state !== row.state) return `it says ${row.state}`
  return final === (row.finished_at !== null) ? null : 'its end is not that of its facts'
}

/** What of the state is not so. */
function untruth(
  row: Row,
  { sent, acted, heard }: { sent: number; acted: boolean; heard: readonly Heard[] }
): string | null {
  const proof = heard.find(({ seq }) => seq === Number(row.response_seq ?? row.effect_seq ?? 0))
  const answers = heard.filter(({ seq }) => row.publish_seq !== null && seq > Number(row.publish_seq))
  switch (row.state) {
    case 'succeeded':
    case 'failed':
      if (!acted) return 'the device never got it'
      if (proof === undefined) return 'nothing shows it'
      if (proof.ok !== (row.state === 'succeeded')) return 'the device said the contrary'
      return proof === answers[0] ? null : 'another answer came before'
    case 'published':
      if (sent === 0) return 'it was never sent'
      // The broker keeps it for the session of the device, and has it at the end. That nobody is subscribed is its word on one
      // attempt only: where others were lost before, it is not known of all of them, and stands beside the state.
      return acted || (row.broker_reason_code === 0x10 && row.attempts > 1) ? null : 'the device never got it'
    case 'timedOut':
      return answers.some(({ at }) => at < row.timeout_at!) ? 'an answer came in time' : null
    case 'undeliverable':
      if (acted) return 'the device got it'
      if (row.attempts > 1) return 'an earlier attempt may have come to somebody'
      return row.broker_reason_code === 0x10 ? null : 'the broker did not say so'
    case 'refused':
    case 'expired':
    case 'cancelled':
      return sent > 0 || acted ? 'it was sent' : null
    case 'unknown':
      // Also where it expired or was cancelled when it may have been sent; the reason says so
      return row.delivery === 'atMostOnce' || row.reason !== null ? null : 'it could have been sent again'
    default:
      return null
  }
}

function grouped<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function tally(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}
