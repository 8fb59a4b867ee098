/** A refusal of the service (RFC 9457) as an error. */

import type { components } from './openapi.ts'

type Told = components['schemas']['Problem']

/** `code` is one of those of openapi.yaml, or `http_` and the status where something before the service refused. */
export type Problem = Omit<Told, 'code'> & { code: Told['code'] | `http_${number}` }

/** What the service refused, or could not do: `code` is stable, `detail` says what to do. */
export class RialtoError extends Error {
  override name = 'RialtoError'
  readonly problem: Problem
  /** Of the answer, `x-request-id`: the service's log has the same. null: none was told. */
  readonly requestId: string | null
  /** How long to wait before it is asked again; null: the service does not say. */
  readonly retryAfterSeconds: number | null

  constructor(problem: Problem, headers: Headers = new Headers()) {
    super(`${problem.code}: ${problem.detail}`)
    this.problem = problem
    this.requestId = headers.get('x-request-id')
    const seconds = Number(headers.get('retry-after') ?? Number.NaN)
    this.retryAfterSeconds = Number.isFinite(seconds) ? seconds : null
  }

  get code(): Problem['code'] {
    return this.problem.code
  }

  get status(): number {
    return this.problem.status
  }

  /** It may pass by itself: too many requests, or the service, its database or broker away. */
  get passes(): boolean {
    return this.status === 429 || this.status >= 500
  }
}

/** What a proxy before the service answers is a problem, too: its status is all that is known. */
export async function toError(answer: Response): Promise<RialtoError> {
  const text = await answer.text()
  return new RialtoError(parseProblem(text) ?? unknownProblem(answer), answer.headers)
}

export function parseProblem(text: string): Problem | null {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null
    return typeof problem?.code === 'string' && typeof problem.status === 'number'
      ? (problem as Problem)
      : null
  } catch {
    return null
  }
}

const unknownProblem = ({ status, statusText }: Response): Problem => ({
  type: 'about:blank',
  title: statusText === '' ? `Status ${status}` : statusText,
  status,
  detail: 'The answer is not of Rialto: something before it refused',
  code: `http_${status}`
})
