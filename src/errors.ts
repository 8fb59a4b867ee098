/** The one catalogue of public errors: the same `code` on REST (RFC 9457) and in GraphQL's `extensions.code`. */

export const problems = {
  malformed_request: { status: 400, title: 'The request is not readable' },
  malformed_json: { status: 400, title: 'The body is not valid JSON' },
  invalid_topic: { status: 422, title: 'Not a topic that can be published to' },
  invalid_filter: { status: 422, title: 'Not a topic filter' },
  invalid_value: { status: 422, title: 'A value is not acceptable' },
  unknown_field: { status: 422, title: 'A field is not known here' },
  not_found: { status: 404, title: 'Not found' },
  unauthenticated: { status: 401, title: 'Who asks is not known' },
  forbidden: { status: 403, title: 'Not allowed' },
  cursor_invalid: { status: 400, title: 'Not a cursor of this service' },
  cursor_kind: { status: 422, title: 'A cursor or page token of another kind' },
  cursor_ahead: { status: 409, title: 'The cursor is ahead of the journal' },
  cursor_expired: { status: 410, title: 'The cursor is older than what is kept' },
  cursor_not_reached: { status: 503, title: 'What is read has not come to the cursor yet' },
  page_too_large: { status: 422, title: 'The page asked for is too large' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The content type is not supported' },
  query_too_complex: { status: 400, title: 'The query asks for too much at once' },
  idempotency_mismatch: { status: 422, title: 'The Idempotency-Key was used with another body' },
  precondition_failed: { status: 412, title: 'The state has changed' },
  not_cancellable: { status: 409, title: 'The command can no longer be cancelled' },
  not_retryable: { status: 409, title: 'The command cannot be retried yet' },
  too_many_webhooks: { status: 409, title: 'There are as many webhooks as there may be' },
  too_many_keys: { status: 409, title: 'There are as many keys as there may be' },
  key_revoked: { status: 409, title: 'The key is revoked' },
  import_running: { status: 409, title: 'The import is being read already' },
  not_leading: { status: 409, title: 'Only the instance that leads can do this' },
  issuer_unavailable: { status: 503, title: 'The issuer of tokens does not answer' },
  broker_unavailable: { status: 503, title: 'Not connected to the MQTT broker' },
  shutting_down: { status: 503, title: 'This instance is about to end' },
  database_unavailable: { status: 503, title: 'The database does not answer' },
  too_many_requests: { status: 429, title: 'Too many requests' },
  request_timeout: { status: 408, title: 'The request took too long' },
  internal: { status: 500, title: 'An error of the service' }
} as const

export type ProblemCode = keyof typeof problems

export interface ProblemDetail {
  /** JSON pointer into the body, or the name of a query parameter. */
  pointer: string
  detail: string
}

/** An expected failure that a client may see; `detail` says what to do about it. */
export class Problem extends Error {
  readonly code: ProblemCode
  readonly status: number
  readonly errors: ProblemDetail[]
  /** That an answer over HTTP has beside its body. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ProblemCode,
    detail: string,
    errors: ProblemDetail[] = [],
    options: ErrorOptions & { headers?: Record<string, string> } = {}
  ) {
    const { headers = {}, ...rest } = options
    super(detail, rest)
    this.name = 'Problem'
    this.code = code
    this.status = problems[code].status
    this.errors = errors
    this.headers = headers
  }

  /** The body of an `application/problem+json` answer (RFC 9457 section 3). */
  toJSON(): object {
    return {
      type: `urn:rialto:problem:${this.code}`,
      title: problems[this.code].title,
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.errors.length > 0 && { errors: this.errors })
    }
  }
}
