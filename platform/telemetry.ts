import type { Attributes, Context, Tracer } from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { collectDefaultMetrics, Registry } from 'prom-client';

import { currentRequest, runInRequest } from '#platform/request-context';

export interface TelemetryOptions {
  /** Which process: `api`, `worker`. */
  readonly process: string;
  /** Base URL of an OTLP/HTTP collector; undefined = no traces are recorded or sent. */
  readonly otlpEndpoint?: string | undefined;
  /** In place of the exporter for the endpoint. */
  readonly exporter?: SpanExporter;
}

/** Traces and metrics of one process. Nothing is registered globally: whoever records is handed this. */
export interface Telemetry {
  readonly metrics: Registry;
  /** Runs the work in a span below the current one. Errors are recorded and thrown on. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** The caller's trace (W3C traceparent and tracestate), for `RequestContext.trace`. */
  extract(headers: Readonly<Record<string, string | string[] | undefined>>): Context;
  /** The headers that carry the current trace on. */
  inject(): Record<string, string>;
  close(): Promise<void>;
}

const NAME = 'cairn';

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const metrics = new Registry();
  metrics.setDefaultLabels({ process: options.process });
  collectDefaultMetrics({ register: metrics });
  const provider = createProvider(options);
  const propagator = new W3CTraceContextPropagator();
  return {
    metrics,
    span: (name, attributes, work) =>
      provider === undefined ? work() : runInSpan(provider.getTracer(NAME), { name, attributes }, work),
    extract: (headers) =>
      propagator.extract(ROOT_CONTEXT, headers, {
        get: (carrier, key) => carrier[key],
        keys: (carrier) => Object.keys(carrier),
      }),
    inject: () => {
      const headers: Record<string, string> = {};
      const setter = { set: (carrier: typeof headers, key: string, value: string) => (carrier[key] = value) };
      propagator.inject(currentRequest()?.trace ?? ROOT_CONTEXT, headers, setter);
      return headers;
    },
    close: async () => {
      metrics.clear();
      await provider?.shutdown();
    },
  };
}

function createProvider(options: TelemetryOptions): TracerProvider | undefined {
  const exporter = options.exporter ?? exporterFor(options.otlpEndpoint);
  if (exporter === undefined) return undefined;
  return new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': NAME, 'cairn.process': options.process }),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
    spanLimits: { attributeValueLengthLimit: 1_024, attributeCountLimit: 64 },
  });
}

function exporterFor(endpoint: string | undefined): SpanExporter | undefined {
  if (endpoint === undefined) return undefined;
  return new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
}

async function runInSpan<T>(
  tracer: Tracer,
  { name, attributes }: { readonly name: string; readonly attributes: Attributes },
  work: () => Promise<T>,
): Promise<T> {
  const request = currentRequest();
  const parent = request?.trace ?? ROOT_CONTEXT;
  const kind = trace.getSpanContext(parent)?.isRemote === true ? SpanKind.SERVER : SpanKind.INTERNAL;
  const span = tracer.startSpan(name, { attributes, kind }, parent);
  const context = trace.setSpan(parent, span);
  const requestId = request?.requestId ?? span.spanContext().traceId;
  try {
    return await runInRequest({ ...request, requestId, trace: context }, work);
  } catch (error) {
    // The kind only: messages may quote what callers sent.
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'unknown' });
    throw error;
  } finally {
    span.end();
  }
}
