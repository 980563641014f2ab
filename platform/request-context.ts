import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingHttpHeaders } from 'node:http';
import type { Context } from '@opentelemetry/api';

/** What every room may know of the request or job that it works for, without being handed it. */
export interface RequestContext {
  readonly requestId: string;
  /** The caller's address, proxies that are trusted taken away; undefined in jobs. */
  readonly clientAddress?: string | undefined;
  /** What the client calls itself, cut to 256 characters; undefined in jobs. */
  readonly userAgent?: string | undefined;
  /** What was asked for, without its query: that may hold tickets and tokens. Undefined in jobs. */
  readonly path?: string | undefined;
  /** Aborted when the answer is out or the client gone; undefined in jobs. */
  readonly ended?: AbortSignal | undefined;
  /** The span that is open, as parent of the next one. */
  readonly trace?: Context | undefined;
}

// Node's own way to carry a value along a chain of awaits; it holds nothing outside `runInRequest`.
const storage = new AsyncLocalStorage<RequestContext>();

export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

export function runInRequest<T>(context: RequestContext, work: () => T): T {
  return storage.run(context, work);
}

const MAX_USER_AGENT = 256;

/** Cut: it may be as long as all headers. */
export function userAgentOf(headers: IncomingHttpHeaders): string | undefined {
  return headers['user-agent']?.slice(0, MAX_USER_AGENT);
}
