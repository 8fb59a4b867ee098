/** What an example of a request has, and what the examples of openapi.yaml share. */

export interface RequestExample {
  summary: string
  /** By name: of the path, the query and the headers. Paths have them as they are, not percent-encoded. */
  parameters?: Record<string, unknown>
  body?: unknown
  /** Media type of the body, where the operation takes several. */
  type?: string
}

/** A value of an answer is a parameter of the next request; `from` is a runtime expression of OpenAPI. */
export interface Link {
  operationId: string
  parameter: string
  from: string
}

/** What `npm start -- --demo` publishes. */
export const filter = ['demo/+/telemetry']
export const topic = 'demo/lab/telemetry'
/** What `automatic: true` makes of that topic. */
export const device = topic
export const from = '2026-01-01T00:00:00Z'
export const to = '2100-01-01T00:00:00+01:00'

/** The only one of an operation. */
export const one = (
  summary: string,
  parameters: Record<string, unknown>
): Record<string, RequestExample> => ({ demo: { summary, parameters } })
