/** docs/graphql.md says what the code says. */

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createDocuments } from '../../src/graphql/documents.ts'
import { buildSchema } from '../../src/graphql/executable.ts'
import type { Limits } from '../../src/limits.ts'
import { defaultLimits } from '../../src/limits.ts'

const text = await readFile(new URL('../../docs/graphql.md', import.meta.url), 'utf8')
const { faultsOf } = createDocuments({ schema: buildSchema(), limits: defaultLimits, introspection: true })
const blocks = (language: string): string[] =>
  Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms')), ([, block]) => block!)

test('its documents may be executed', () => {
  const documents = [
    ...blocks('graphql'),
    ...blocks('json').flatMap((listed) => Object.values(JSON.parse(listed) as Record<string, string>))
  ]
  assert.ok(documents.length >= 6)
  for (const document of documents) assert.deepEqual(faultsOf(document), [], document)
})

test('its bounds are the limits', () => {
  const limits: Array<[about: RegExp, name: keyof Limits]> = [
    [/^characters of a document/, 'graphqlDocumentCharsMax'],
    [/^tokens/, 'graphqlTokensMax'],
    [/^levels/, 'graphqlDepthMax'],
    [/^fields at the root/, 'graphqlRootFieldsMax'],
    [/^fields, counting/, 'graphqlSelectionsMax'],
    [/^aliases/, 'graphqlAliasesMax'],
    [/^directives/, 'graphqlDirectivesMax'],
    [/^items of a page/, 'pageItemsMax'],
    [/^pages within/, 'graphqlNestedPagesMax'],
    [/^items within/, 'graphqlNestedItemsMax'],
    [/^values of buckets/, 'graphqlHistoryValuesMax'],
    [/^operations at once/, 'socketOperationsMax']
  ]
  const rows = Array.from(text.matchAll(/^\| ([^|]+) \| (\d+) \|$/gm), ([, about, limit]) => [
    about!,
    Number(limit)
  ])
  assert.deepEqual(
    rows,
    limits.map(([about, name], index) => {
      const [given] = rows[index]!
      assert.match(String(given), about)
      return [given, defaultLimits[name]]
    })
  )
})
