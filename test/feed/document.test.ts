/** The bounds that docs/streams.md names are those that there are. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { defaultLimits as limits } from '../../src/limits.ts'
import { eventKinds } from '../../src/views.ts'

const document = readFileSync(new URL('../../docs/streams.md', import.meta.url), 'utf8')

const said = [
  `\`maxRate\`, from ${limits.streamRateMin} to ${limits.streamRateMax}, is how many`,
  `anew for a reader that stood still for ${limits.streamStallMs / 1_000} seconds`,
  `by ${limits.conflatedKeysMax.toLocaleString('en')} keys or ${limits.conflatedBytesMax / 2 ** 20} MiB`,
  `nothing is let go after ${limits.streamStallMs / 1_000} seconds`,
  `takes nothing for ${limits.streamStalledMsMax / 60_000} minutes is disconnected`,
  `After a pause of ${limits.heartbeatMs / 1_000} seconds comes a comment`,
  `tells browsers to wait ${limits.streamRetryMs / 1_000} seconds`,
  `${limits.streamTicketSecondsDefault / 60} minutes, or for`,
  ...(limits.streamTicketSecondsMax === 3_600 ? ['up to an hour'] : [`${limits.streamTicketSecondsMax}`]),
  ...Object.keys(eventKinds).map((type) => `| \`${type}\` |`)
]
for (const words of said) {
  test(`docs/streams.md says: ${words}`, () => {
    assert.ok(document.replaceAll('\n', ' ').includes(words))
  })
}
