import { setTimeout as delay } from 'node:timers/promises';

const TOO_MANY = 429;
/** Not more than a client that does as it is told waits anyway. */
const WAIT_MS = 1_000;

/**
 * Resolves when a refusal may be sent. Whoever asks too much and is told so at once asks again at once, and refusing
 * him alone would take the process's time from all others.
 */
export async function refuseSlowly(status: number): Promise<void> {
  if (status === TOO_MANY) await delay(WAIT_MS);
}
