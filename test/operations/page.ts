/** docs/operations.md as its tests and those of the alerts read it. */

import { readFileSync } from 'node:fs'

export const root = new URL('../../', import.meta.url)
export const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

/** Headings as GitHub makes anchors of them. */
export const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-')
  )

/** Names of series that Prometheus has of the metrics in docs/metrics.md. */
export function seriesOf(document: string): Set<string> {
  const all = new Set(['up'])
  for (const [, name, type] of document.matchAll(/^\| `([^`]+)` \| (\w+) \|/gm)) {
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) all.add(name! + suffix)
  }
  return all
}

/** Names in a query that are those of a metric: whatever begins as metrics here do. */
export const seriesIn = (query: string): string[] =>
  [...query.matchAll(/\b(?:rialto|nodejs|process)_\w+|\bup\b/g)].map(([name]) => name)
