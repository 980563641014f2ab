import { CairnError } from '#domain/errors';

export interface ReadTimes {
  /** Milliseconds that may pass without a byte of text. */
  readonly idleMs: number;
  /** Milliseconds for the whole body. */
  readonly totalMs: number;
}

/**
 * Hands chunks on as long as they come in time; REQUEST_TIMEOUT otherwise. Only waiting for the sender counts as
 * idle, not the time that the reader takes.
 */
export async function* withinTime(source: AsyncIterator<Buffer>, times: ReadTimes): AsyncGenerator<Buffer> {
  const end = performance.now() + times.totalMs;
  let waiting = false;
  try {
    for (;;) {
      waiting = true;
      const next = await nextBefore(source, Math.min(times.idleMs, end - performance.now()));
      waiting = false;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // A source that is waited for cannot return; it ends with the connection.
    if (!waiting) await source.return?.();
  }
}

async function nextBefore(source: AsyncIterator<Buffer>, ms: number): Promise<IteratorResult<Buffer>> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new CairnError('REQUEST_TIMEOUT', 'The body did not come in time.')),
    Math.max(0, ms),
  );
  try {
    return await Promise.race([source.next(), promise]);
  } finally {
    clearTimeout(timer);
  }
}
