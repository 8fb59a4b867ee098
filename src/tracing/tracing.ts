/**
 * Spans by OpenTelemetry, where its standard variables ask for it. Those of commands are made of the facts of the journal, so that
 * nothing that publishes or answers knows of them, and an earlier process, or another instance, may have made the beginning.
 */

import type { Attributes, Context, Tracer } from '@opentelemetry/api'
import type { Logger } from 'pino'
import type { CommandTransition } from '../command.ts'
import type { Feed } from '../feed/feed.ts'
import type { Access, Millis } from '../model.ts'
import type { Store } from '../store/store.ts'
import type { TraceContext, TraceRequest } from '../trace.ts'
import { readTrace } from '../trace.ts'
import { spansOf } from './spans.ts'

export interface Tracing {
  request: TraceRequest
  /** Tells of commands that move from now on, while `leading`; until it is closed. */
  follow(parts: {
    store: Pick<Store, 'commands'>
    feed: Pick<Feed, 'end' | 'read'>
    leading: () => boolean
  }): void
  /** Resolves when all spans are sent, or cannot be. */
  close(): Promise<void>
}

const everything: Access = {
  principal: 'tracing',
  mayRead: () => true,
  readsAll: true,
  mayPublish: () => false
}

type Environment = Readonly<Record<string, string | undefined>>

/** null: nobody asked for it, and no library of it is loaded. */
export async function openTracing(environment: Environment, log: Logger): Promise<Tracing | null> {
  const endpoint =
    environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? environment['OTEL_EXPORTER_OTLP_ENDPOINT']
  if (!endpoint || environment['OTEL_SDK_DISABLED'] === 'true') return null
  const [api, sdk, exporters, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources')
  ]).catch((error: unknown) => {
    throw new Error(
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: install with optional dependencies, or unset it',
      { cause: error }
    )
  })
  const provider = new sdk.BasicTracerProvider({
    resource: resources.resourceFromAttributes({
      'service.name': environment['OTEL_SERVICE_NAME'] ?? 'rialto'
    }),
    spanProcessors: [new sdk.BatchSpanProcessor(new exporters.OTLPTraceExporter())]
  })
  const tracer: Tracer = provider.getTracer('rialto')
  const closing = new AbortController()
  const following: Array<Promise<void>> = []

  function contextOf(trace: TraceContext | null): Context {
    if (trace === null) return api.ROOT_CONTEXT
    const [, traceId, spanId, flags] = trace.traceparent.split('-')
    return api.trace.setSpanContext(api.ROOT_CONTEXT, {
      traceId: traceId!,
      spanId: spanId!,
      traceFlags: Number.parseInt(flags!, 16),
      isRemote: true,
      ...(trace.tracestate !== null && { traceState: api.createTraceState(trace.tracestate) })
    })
  }

  function tell(
    { id, topic, traceparent }: CommandTransition,
    past: Parameters<typeof spansOf>[0],
    askedAt: Millis
  ): void {
    const parent = contextOf(readTrace({ traceparent }))
    for (const { name, from, to, ok, attributes } of spansOf(past, askedAt)) {
      const span = tracer.startSpan(
        name,
        {
          startTime: from,
          kind: name === 'publish' ? api.SpanKind.PRODUCER : api.SpanKind.INTERNAL,
          attributes: { 'rialto.command.id': id, 'messaging.destination.name': topic, ...attributes }
        },
        parent
      )
      if (!ok) span.setStatus({ code: api.SpanStatusCode.ERROR })
      span.end(to)
    }
  }

  async function follow(parts: Parameters<Tracing['follow']>[0]): Promise<void> {
    const { store, feed, leading } = parts
    const ask = { after: feed.end(), filters: [], kinds: ['command' as const] }
    for await (const { facts } of feed.read(everything, ask, closing.signal)) {
      if (!leading()) continue
      const traced = facts.flatMap(({ seq, detail }) => {
        const told = detail as CommandTransition
        return readTrace({ traceparent: told.traceparent }) === null ? [] : [{ seq, told }]
      })
      if (traced.length === 0) continue
      try {
        const events = await store.commands.events([...new Set(traced.map(({ told }) => told.id))])
        for (const { seq, told } of traced) {
          const command = await store.commands.byId(everything, told.id)
          const past = (events.get(told.id) ?? []).filter((event) => event.seq <= seq)
          if (command !== null) tell(told, past, command.createdAt)
        }
      } catch (error) {
        // The database is away: these spans are missing, and nothing else
        log.debug({ err: error }, 'Spans are missing')
      }
    }
  }

  return {
    request(method, from) {
      const span = tracer.startSpan(
        method,
        { kind: api.SpanKind.SERVER, attributes: { 'http.request.method': method } },
        contextOf(from)
      )
      const { traceId, spanId, traceFlags } = span.spanContext()
      const flags = traceFlags.toString(16).padStart(2, '0')
      return {
        trace: { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate: from?.tracestate ?? null },
        end(route, status) {
          const attributes: Attributes = { 'http.route': route, 'http.response.status_code': status }
          span.updateName(`${method} ${route}`).setAttributes(attributes)
          if (status >= 500) span.setStatus({ code: api.SpanStatusCode.ERROR })
          span.end()
        }
      }
    },
    follow(parts) {
      following.push(
        follow(parts).catch((error: unknown) => {
          if (!closing.signal.aborted) log.warn({ err: error }, 'Commands are traced no more')
        })
      )
    },
    async close() {
      closing.abort()
      await Promise.all(following)
      await provider.shutdown().catch((error: unknown) => log.warn({ err: error }, 'Spans were not sent'))
    }
  }
}
