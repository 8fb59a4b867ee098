/**
 * The tables of docs/delivery.md, from what a run left behind: FULL=1 FAULTS_RESULTS=results.jsonl npm run test:faults, then
 * `node --import tsx test/faults/table.ts results.jsonl`.
 */

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Result } from './result.ts'

const ofEveryStory = new Set(
  (
    'owed stored lost repeated foundAgain outOfOrder staleTopics openPackets unaccounted died reconnects restarts ' +
    'restartMsMax peakMemoryMb'
  ).split(' ')
)

/** `takeOverMsMax` in words. */
const words = (figure: string): string => figure.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)

const row = (cells: Array<string | number>): string => `| ${cells.join(' | ')} |`

/** By their numbers in the catalogue of faults; C are the controls. */
const inOrder = (one: Result, other: Result): number =>
  one.id[0]!.localeCompare(other.id[0]!) ||
  Number(one.id.slice(1)) - Number(other.id.slice(1)) ||
  one.name.localeCompare(other.name) ||
  (one.qos ?? 0) - (other.qos ?? 0)

/** What is repeated at QoS 1 is allowed, and said; figures of its own come last. */
function storyRow({ id, name, qos, figures }: Result): string {
  const own = Object.entries(figures)
    .filter(([figure]) => !ofEveryStory.has(figure))
    .map(([figure, value]) => `${words(figure)} ${value}`)
  if (figures['restarts']! > 0) own.unshift(`restart to ready at most ${figures['restartMsMax']} ms`)
  const counts = ['owed', 'lost', 'repeated', 'reconnects', 'peakMemoryMb'].map((figure) => figures[figure]!)
  return row([id, name, qos ?? '', ...counts, own.join(', ')])
}

function controlRow({ id, name, qos, figures, shows }: Result): string {
  const shown = shows!.map((figure) => `${words(figure)} ${figures[figure]}`)
  return row([id, name, qos ?? '', shown.join(', ')])
}

export function toTables(results: readonly Result[]): string {
  const sorted = results.toSorted(inOrder)
  const stories = sorted.filter(({ shows }) => shows === null)
  const controls = sorted.filter(({ shows }) => shows !== null)
  return [
    row(['', 'scenario', 'QoS', 'owed', 'lost', 'repeated', 'reconnects', 'peak MB', 'more']),
    '|---|---|--:|--:|--:|--:|--:|--:|---|',
    ...stories.map(storyRow),
    '',
    row(['', 'negative control', 'QoS', 'the ledger shows']),
    '|---|---|--:|---|',
    ...controls.map(controlRow),
    ''
  ].join('\n')
}

export const readResults = (path: string): Result[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result)

if (import.meta.url === pathToFileURL(process.argv[1]!).href) {
  process.stdout.write(toTables(readResults(process.argv[2]!)))
}
