import { isSocketError } from '#platform/socket-errors';

/**
 * Classes of SQLSTATE (PostgreSQL, appendix A) that pass: connection exceptions, transaction rollback (deadlocks),
 * insufficient resources, operator intervention (shutdown, start, a statement given up).
 */
const PASSING = new Set(['08', '40', '53', '57']);

/** What pg says itself of a connection that it lost or did not get; these errors carry no code. */
const LOST =
  /^(?:Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client was closed|Client has encountered a connection error)/;

/** Whether the database could not be reached, was lost in the middle, or has no room now: the same may succeed later. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (!('code' in error) || typeof error.code !== 'string') return LOST.test(error.message);
  if (isSocketError(error.code)) return true;
  return 'severity' in error && /^[0-9A-Z]{5}$/.test(error.code) && PASSING.has(error.code.slice(0, 2));
}
