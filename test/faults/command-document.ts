/** The part of docs/delivery.md on commands, from the last full run. */

import type { Result } from './result.ts'
import { points } from './strikes.ts'

const count = (value: number): string => value.toLocaleString('en')

/** `stories`: without the controls. */
export function commandPart(stories: readonly Result[]): string {
  const struck = stories.filter(({ figures }) => figures['strikes'] !== undefined)
  const sum = (figure: string): number =>
    struck.reduce((total, { figures }) => total + (figures[figure] ?? 0), 0)
  const run =
    struck.length === 0
      ? ''
      : `The last full run killed the service ${count(sum('strikes'))} times, in ${struck.length} stories, with one instance and with two: ${count(sum('commands'))} commands,
${sum('stranded')} stranded, ${sum('illegal')} with facts that the table of the lifecycle does not allow or with other than one end, ${sum('commandsTooMany')} keys with other than one command,
${sum('answersTooMany')} with several answers, ${sum('actedTwice')} done twice by the device, ${sum('sentTwice')} sent twice that must not be, ${sum('untrue')} whose state was not so.
`
  return `## Commands

**A request that is answered with 202 is one command, which ends in exactly one state, and the state is true.** Repeated with its
\`Idempotency-Key\`, also at another instance, it is answered with the same status, \`Location\` and body. The database owns what is to be
published: what a crash leaves behind goes on from there, under the same id, which a device finds in the user property
\`rialto-command-id\`: one that does each id once acts at most once for a command. With \`delivery: atMostOnce\` a message leaves once,
or never, and where nobody knows, the state says so. What the states mean is in [commands.md](commands.md).

The stories F32 kill the service at ${points.length} points: before and after the COMMIT of each transition, and when PUBLISH, PUBACK or a
response is on its way; the broker and Postgres restart in between. A state is held to what happened: *succeeded* and *failed* name the
first message behind the publication that says so, and the device has acted; *published*, where nothing was awaited, has come to the
device; *timed out* has no answer in the journal from before its time was over; *cancelled*, *expired* and *refused* never left.

${run}`
}
