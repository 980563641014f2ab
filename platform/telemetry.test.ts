import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';

import { currentRequest, runInRequest } from '#platform/request-context';
import { createTelemetry } from '#platform/telemetry';

/** Its spans stay readable after `close`. */
class KeepingExporter extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

test('spans nest along awaits, below the caller’s trace, and keep the request’s id', async () => {
  const exporter = new KeepingExporter();
  const telemetry = createTelemetry({ process: 'api', exporter });
  const seen: (string | undefined)[] = [];
  await runInRequest({ requestId: 'r-1', trace: telemetry.extract({ traceparent: TRACEPARENT }) }, () =>
    telemetry.span('outer', { route: '/graphql' }, async () => {
      await telemetry.span('inner', {}, () => Promise.resolve());
      seen.push(currentRequest()?.requestId, telemetry.inject()['traceparent']);
    }),
  );
  await telemetry.close();
  const [inner, outer] = exporter.getFinishedSpans();
  expect(outer).toMatchObject({ name: 'outer', attributes: { route: '/graphql' } });
  expect(outer?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  expect(inner?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId);
  expect(inner?.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
  expect(seen).toEqual(['r-1', `00-0af7651916cd43dd8448eb211c80319c-${outer?.spanContext().spanId}-01`]);
});

test('a failure is thrown on and marks the span, without its message', async () => {
  const exporter = new KeepingExporter();
  const telemetry = createTelemetry({ process: 'api', exporter });
  const failing = telemetry.span('x', {}, () => Promise.reject(new TypeError('somebody’s secret')));
  await expect(failing).rejects.toThrow('secret');
  await telemetry.close();
  const [span] = exporter.getFinishedSpans();
  expect(span?.status).toEqual({ code: 2, message: 'TypeError' });
  expect(JSON.stringify([span?.attributes, span?.events])).not.toContain('secret');
});

test('without an endpoint work runs as it is, and the caller’s trace is still carried on', async () => {
  const telemetry = createTelemetry({ process: 'api' });
  expect(await telemetry.span('x', {}, () => Promise.resolve(1))).toBe(1);
  const trace = telemetry.extract({ traceparent: TRACEPARENT });
  expect(runInRequest({ requestId: 'r', trace }, () => telemetry.inject())).toEqual({
    traceparent: TRACEPARENT,
  });
  await telemetry.close();
});

test('spans reach an OTLP collector over HTTP', async () => {
  const received: string[] = [];
  const collector = createServer((request: IncomingMessage, response) => {
    received.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => response.end('{}'));
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const address = collector.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const telemetry = createTelemetry({ process: 'api', otlpEndpoint: `http://127.0.0.1:${port}/` });
  await telemetry.span('x', {}, () => Promise.resolve());
  await telemetry.close();
  collector.closeAllConnections();
  collector.close();
  expect(received).toEqual(['POST /v1/traces']);
});

test('each process has a registry of its own', async () => {
  const [api, worker] = [createTelemetry({ process: 'api' }), createTelemetry({ process: 'worker' })];
  expect(await api.metrics.metrics()).toMatch(/process_cpu_seconds_total\{process="api"\} [\d.]+/);
  expect(await worker.metrics.metrics()).toContain('process="worker"');
  await api.close();
  await worker.close();
});
