/** docs/metrics.md, from the metrics as they are registered. */

import { createMetrics } from './metrics.ts'
import type { HttpParts } from './parts.ts'
import { requestDurations } from './request-metrics.ts'
import { createStats } from '../stats.ts'

/** prom-client has them on Linux only, and the document is the same everywhere. */
const onlyOnLinux = [
  'process_open_fds',
  'process_max_fds',
  'process_virtual_memory_bytes',
  'process_heap_bytes'
]

export function metricsDocument(): string {
  // Nothing is read, so what would be asked can be missing
  const registry = createMetrics({ stats: createStats() } as HttpParts)
  requestDurations(registry)
  const all = registry.getMetricsAsArray() as unknown as Registered[]
  const rows = (ours: boolean): string =>
    all
      .filter(({ name }) => name.startsWith('rialto_') === ours && !onlyOnLinux.includes(name))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .map(toRow)
      .join('\n')
  return `# Metrics

\`GET /metrics\` in the text format of Prometheus; generated from [src/http/metrics.ts](../src/http/metrics.ts) by \`npm run docs\`. It needs a key or
token where anything does. Each instance tells its own: sum counters over instances, and of what only the leading instance knows take
what is not NaN. Labels have few values: routes by their templates, states, causes and reasons by their words, classes of retention by
name. No topic, device or principal is a label.

| metric | type | labels | |
|---|---|---|---|
${rows(true)}

## The process

By prom-client. On Linux also ${onlyOnLinux.map((name) => `\`${name}\``).join(', ')}.

| metric | type | labels | |
|---|---|---|---|
${rows(false)}
`
}

/** What prom-client has of each metric; its types tell only of names. */
interface Registered {
  name: string
  help: string
  type: string
  labelNames?: readonly string[]
}

const toRow = ({ name, help, type, labelNames = [] }: Registered): string =>
  `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(', ')} | ${help} |`
