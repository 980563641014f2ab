import { CairnError } from '#domain/errors';
import { ServiceUnavailable } from '#platform/service-unavailable';
import { isSocketError } from '#platform/socket-errors';

/**
 * What a failed statement means. `repeat`: try the same again; whether it took effect is unknown when the
 * connection was lost. `exists`: a unique key is taken. `moved`: the head is of another epoch or erasure.
 * `partition`: a month has no partition yet. `fatal`: a fault of ours.
 */
export type SqlFailure = 'repeat' | 'exists' | 'moved' | 'partition' | 'fatal';

const BY_STATE: Readonly<Record<string, SqlFailure>> = {
  '23505': 'exists',
  '23514': 'partition',
  CJ001: 'moved',
  // deadlock, serialisation, lock and statement time-outs
  '40P01': 'repeat',
  '40001': 'repeat',
  '55P03': 'repeat',
  '57014': 'repeat',
};

/** Connection exceptions, operator intervention, insufficient resources (PostgreSQL, appendix A). */
const REPEATABLE_CLASSES = new Set(['08', '57', '53']);

export function sqlFailure(error: unknown): SqlFailure {
  if (error instanceof CairnError) return 'fatal';
  // The objects' or the keys' service: what was asked for can be asked for again, too.
  if (error instanceof ServiceUnavailable) return 'repeat';
  const state = sqlState(error);
  if (state === undefined) return isConnectionError(error) ? 'repeat' : 'fatal';
  return BY_STATE[state] ?? (REPEATABLE_CLASSES.has(state.slice(0, 2)) ? 'repeat' : 'fatal');
}

function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return /^[0-9A-Z]{5}$/.test(error.code) && 'severity' in error ? error.code : undefined;
}

/** Errors of the socket carry a code of the system, pg's own only a message. */
function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string') return isSocketError(error.code);
  return /connection|timeout exceeded|read timeout|client (was closed|has encountered)/i.test(error.message);
}

/** Runs a statement; a database, or another store, that cannot be reached is UNAVAILABLE. */
export async function available<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (sqlFailure(cause) !== 'repeat') throw cause;
    throw new CairnError('UNAVAILABLE', 'The journal cannot reach its storage.', { retryAfter: 2, cause });
  }
}
