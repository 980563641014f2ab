export interface TimeLimit {
  readonly ms: number;
  /** Ends the work earlier: its client has left. */
  readonly left: AbortSignal;
  readonly timedOut: () => Error;
}

/**
 * Runs `work` for a limited time; then it rejects with `timedOut()`, and what is still running learns of it by
 * its signal. graphql-js itself cannot be interrupted.
 */
export async function within<T>(
  { ms, left, timedOut }: TimeLimit,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  left.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, ms);
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(timedOut()), { once: true });
      if (left.aborted) stop();
      Promise.resolve(work(controller.signal)).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    left.removeEventListener('abort', stop);
  }
}
