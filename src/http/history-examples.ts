/** Examples of requests for history, exports and imports. */

import type { RequestExample } from './request-example.ts'
import { device, filter, from, one, to, topic } from './request-example.ts'

export const historyExamples: Record<string, Record<string, RequestExample>> = {
  listDatapoints: {
    demo: {
      summary: 'The newest temperature of a thermostat',
      parameters: { device: [device], metric: ['temperature'], from, limit: 1 }
    },
    oldest: {
      summary: 'Everything of a thermostat, oldest first',
      parameters: { device: [device], to, order: 'asc' }
    },
    fleet: {
      summary: 'The newest temperatures of all devices that are there',
      parameters: { metric: ['temp*'], filter, where: 'ne(presence,"offline")', limit: 5 }
    }
  },
  readHistory: {
    demo: {
      summary: 'Temperatures of all thermostats by the days of Berlin, as a chart takes them',
      parameters: {
        device: ['demo/*'],
        metric: ['temperature'],
        from,
        bucket: 'P1D',
        tz: 'Europe/Berlin',
        fn: ['mean,max'],
        limit: 2
      }
    },
    months: {
      summary: 'How many datapoints there are of each series in each month',
      parameters: {
        filter,
        where: 'exists(metrics/temperature)',
        from,
        to,
        bucket: 'P1M',
        fn: ['count'],
        fill: 'null',
        source: 'raw'
      }
    }
  },
  exportDatapoints: {
    demo: {
      summary: 'Temperatures of all thermostats',
      parameters: { device: ['demo/*'], metric: ['temperature'], from }
    },
    csv: { summary: 'Everything of one room, as a table', parameters: { filter: [topic], format: 'csv', to } }
  },
  exportMessages: {
    demo: { summary: 'All of the demo fleet', parameters: { filter, after: 'earliest' } },
    csv: {
      summary: 'The same, as a table without names',
      parameters: { filter, format: 'csv', header: false }
    }
  },
  importDatapoints: {
    demo: {
      summary: 'By hand: what somebody read off a meter',
      parameters: { id: 'meters-2026' },
      type: 'application/x-ndjson',
      body:
        '{"device":"attic","metric":"watts","observedAt":"2026-03-13T08:00:00Z","value":12.5}\n' +
        '{"device":"attic","metric":"watts","observedAt":"2026-03-14T08:00:00Z","value":13,"unit":"W"}\n'
    },
    csv: {
      summary: 'From a spreadsheet',
      parameters: { id: 'sheet-2026' },
      type: 'text/csv',
      body: 'device,metric,observedAt,value\r\nattic,watts,2026-03-15T08:00:00+01:00,11\r\n'
    }
  },
  listImports: one('The newest ten', { limit: 10 }),
  getImport: one('A spreadsheet', { id: 'sheet-2026' })
}
