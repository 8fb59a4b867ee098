/** What imports look like. */

import { Type } from 'typebox'
import type { Cursors } from '../cursor.ts'
import { exchangeFormats } from '../history/exchange.ts'
import type { Import } from '../store/imports.ts'
import { importStates } from '../store/imports.ts'
import { toTime } from '../views.ts'
import { named, nullable, ref, text, time, word } from './schemas.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const lines = count('Lines of the file, or records behind the header of CSV, that are committed')
const datapoints = count('Datapoints in them')

export const importId = Type.String({
  pattern: '^[A-Za-z0-9_.-]{1,64}$',
  description:
    'Name of the import, chosen by the client: the same file has the same name when it is sent again',
  examples: ['demo-2026-03']
})

export const importSchemas = [
  named('Imported', 'An import that is committed whole.', {
    id: text('Name of the import'),
    lines,
    datapoints,
    skippedLines: count('Lines that an earlier request had committed, so that this one passed over them'),
    cursor: text('Behind the last datapoint of it: `min-cursor` of a read that is to show them all')
  }),
  named('Import', 'An import, and how much of its file is committed.', {
    id: text('Name of the import'),
    format: word(Object.keys(exchangeFormats), 'Of its file'),
    state: word(
      importStates,
      'running: a request is sending the file. interrupted: none is, and not all of it is here. done: it is here whole'
    ),
    lines,
    datapoints,
    cursor: nullable(text('Behind the last datapoint that is committed; null: there is none yet')),
    startedAt: time('When it was begun'),
    updatedAt: time('When something of it was committed last')
  }),
  named('ImportList', 'Imports of whoever asks.', {
    items: Type.Array(ref('Import'))
  })
]

export interface ImportView {
  id: string
  format: string
  state: string
  lines: number
  datapoints: number
  cursor: string | null
  startedAt: string
  updatedAt: string
}

export const toImportView = (of: Import, cursors: Pick<Cursors, 'encode'>): ImportView => ({
  id: of.id,
  format: of.format,
  state: of.state,
  lines: of.lines,
  datapoints: of.datapoints,
  cursor: of.lastSeq === 0 ? null : cursors.encode(of.lastSeq),
  startedAt: toTime(of.startedAt),
  updatedAt: toTime(of.updatedAt)
})
