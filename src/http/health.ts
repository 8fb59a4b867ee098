/** For whoever runs the service: is it alive, is it ready, what does it count. */

import { rateHeadersOf } from '../access/rates.ts'
import type { ProblemDetail } from '../errors.ts'
import { Problem } from '../errors.ts'
import { Type } from 'typebox'
import { json, noQuery, refusals } from './answers.ts'
import type { Registry } from 'prom-client'
import type { HttpParts, Routes } from './parts.ts'
import { within } from './within.ts'

const tags = ['Service']
const open: Array<Record<string, string[]>> = []

export async function healthRoutes(app: Routes, parts: HttpParts, metrics: Registry): Promise<void> {
  const { authenticator } = parts

  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLive',
        summary: 'Whether the process is alive',
        description: 'Says nothing of broker and database: restarting the process would not bring them back.',
        tags,
        security: open,
        querystring: noQuery,
        response: { 200: json('It is', Type.Object({ status: Type.String() })), ...refusals('unknown_field') }
      }
    },
    async () => ({ status: 'alive' })
  )

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReady',
        summary: 'Whether requests can be served',
        description:
          'Ready: the database answers and, on the instance that receives, the broker is connected. An instance that is ' +
          'about to end is not ready any more, while it still answers.',
        tags,
        security: open,
        querystring: noQuery,
        response: {
          200: json('They can', Type.Object({ status: Type.String() })),
          ...refusals('unknown_field', 'broker_unavailable', 'shutting_down', 'database_unavailable')
        }
      }
    },
    async () => {
      await checkReady(parts)
      return { status: 'ready' }
    }
  )

  app.get(
    '/metrics',
    {
      onRequest: async ({ headers, ip }, reply) =>
        void reply.headers(rateHeadersOf(await authenticator.authenticate(headers.authorization, ip))),
      schema: {
        operationId: 'getMetrics',
        summary: 'Counters, for Prometheus',
        description: 'Needs the key, when there is one: counters tell how busy a plant is.',
        tags,
        querystring: noQuery,
        response: {
          200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String() } } },
          ...refusals('unauthenticated', 'unknown_field', 'too_many_requests', 'issuer_unavailable')
        }
      }
    },
    async (_, reply) => reply.type(metrics.contentType).send(await metrics.metrics())
  )
}

async function checkReady({ store, status, draining }: HttpParts): Promise<void> {
  if (draining?.() === true) throw new Problem('shutting_down', 'Not ready: this instance is about to end')
  const reasons: ProblemDetail[] = []
  const answers = await within(store.ping()).then(
    () => store.healthy(),
    () => false
  )
  if (!answers) reasons.push({ pointer: 'database', detail: 'does not answer' })
  const { leading, mqtt } = status()
  if (leading && mqtt.state !== 'connected') {
    reasons.push({ pointer: 'mqtt', detail: `${mqtt.state}, last error: ${mqtt.lastError ?? 'none'}` })
  }
  if (reasons.length === 0) return
  const said = reasons.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ')
  throw new Problem(answers ? 'broker_unavailable' : 'database_unavailable', `Not ready: ${said}`, reasons)
}
