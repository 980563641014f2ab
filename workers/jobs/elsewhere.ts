import { Postponed } from '#platform/queue/queue';

/** What one process at a time may change (workers/lease). */
export interface Held {
  /** Another process has it, or none does: work on it must be left to that one. */
  readonly isElsewhere?: boolean;
}

/** Soon the run is taken again, by any worker: so the right one comes to it, and one that is killed is replaced. */
const ELSEWHERE_MS = 500;

/** Before anything is done. @throws Postponed: no attempt is lost by it */
export function requireHere(parts: readonly Held[]): void {
  if (parts.some(({ isElsewhere }) => isElsewhere === true)) throw new Postponed(ELSEWHERE_MS);
}
