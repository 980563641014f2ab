import { setTimeout as delay } from 'node:timers/promises';

const TOO_MANY = 429;
/** On average; not more than a client that does as it is told waits anyway. */
const WAIT_MS = 1_000;

/**
 * Resolves when a refusal may be sent. Whoever asks too much and is told so at once asks again at once, and refusing
 * him alone would take the process's time from all others. Each waits a time of its own, from a half to one and a
 * half: those who were refused together would else come back together.
 */
export async function refuseSlowly(status: number): Promise<void> {
  if (status === TOO_MANY) await delay(WAIT_MS * (0.5 + Math.random()));
}
