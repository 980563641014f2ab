import { GraphQLError } from 'graphql';

/**
 * Runs `work` for at most `ms` milliseconds, or until `left` is aborted; then TIMEOUT is answered, and what is
 * still running learns of it by its signal. graphql-js itself cannot be interrupted.
 */
export async function within<T>(
  ms: number,
  left: AbortSignal,
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  left.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, ms);
  try {
    return await new Promise<T>((resolve, reject) => {
      controller.signal.addEventListener('abort', () => reject(timedOut(ms)), { once: true });
      if (left.aborted) stop();
      Promise.resolve(work(controller.signal)).then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    left.removeEventListener('abort', stop);
  }
}

function timedOut(ms: number): GraphQLError {
  return new GraphQLError(
    `The operation was ended: it took longer than ${ms / 1000} s, or its client left.`,
    {
      extensions: { code: 'TIMEOUT', http: { status: 504 } },
    },
  );
}
