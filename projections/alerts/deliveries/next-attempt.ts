import type { SendResult } from '#platform/outbound/sender';

/** What becomes of a delivery after an attempt; the words are for people. */
export type Verdict =
  | { readonly kind: 'delivered'; readonly status: number }
  | { readonly kind: 'dead'; readonly error: string; readonly status: number | undefined }
  | {
      readonly kind: 'again';
      readonly error: string;
      readonly status: number | undefined;
      readonly delayMs: number;
      /** The receiver wants to be left alone for so long, with other events too. */
      readonly quietMs: number;
    };

/** Seconds before the second attempt, the third ...: dense while it may be a restart, about a day in all. */
const DELAYS = [5, 15, 60, 240, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 32_400];
export const MAX_ATTEMPTS = DELAYS.length + 1;
/** Share by which a delay is longer or shorter, so that what failed together does not come back together. */
const JITTER = 0.2;
/** What a receiver can ask for at most (Retry-After). */
const MAX_QUIET_S = 3_600;
const GONE = 410;

/**
 * Only 2xx means that it was taken. 410 ends it at once (Standard Webhooks); everything else may be better later,
 * wrong keys, addresses and certificates too. `attempts`: begun so far. `random`: 0 to 1.
 */
export function judge(result: SendResult, attempts: number, random: number): Verdict {
  if ('status' in result && result.status >= 200 && result.status < 300) {
    return { kind: 'delivered', status: result.status };
  }
  const status = 'status' in result ? result.status : undefined;
  const error = 'status' in result ? wordsOf(result.status) : result.failure;
  const hopeless = 'status' in result ? result.status === GONE : !result.retryable;
  const delay = DELAYS[attempts - 1];
  if (hopeless || delay === undefined) return { kind: 'dead', error, status };
  const quiet = 'status' in result ? Math.min(result.retryAfter ?? 0, MAX_QUIET_S) : 0;
  const jittered = delay * (1 + JITTER * (2 * random - 1));
  return { kind: 'again', error, status, delayMs: Math.max(jittered, quiet) * 1_000, quietMs: quiet * 1_000 };
}

function wordsOf(status: number): string {
  const isRedirect = status >= 300 && status < 400;
  return `The receiver answered with ${status}${isRedirect ? ', a redirect, which is not followed' : ''}.`;
}
