import { CairnError } from '#domain/errors';
import { FairTurns } from '#platform/fair/fair-turns';
import { TimeSlices } from '#platform/fair/time-slices';

/** How the callers of one process share it. */
export interface Fairness {
  /** GraphQL operations that run. */
  readonly operations: FairTurns;
  /** What reads and recording compute. */
  readonly slices: TimeSlices;
}

/** More would only share the process's one thread among more; streams are counted apart. */
const OPERATIONS = 64;
/** Of one account: enough for those that wait for disks and databases. */
const OPERATIONS_PER_ACCOUNT = 8;
/** While others ask, too: what is answered at the same time ends at the same time, and large answers block. */
const CONTENDED_OPERATIONS = 2;
/** Operations of one key that wait. */
const WAITING = 200;
const BUSY_SECONDS = 2;

export function createFairness(): Fairness {
  const full = (): CairnError =>
    new CairnError('TOO_MANY_REQUESTS', `${WAITING} operations of this key are waiting already.`, {
      retryAfter: BUSY_SECONDS,
    });
  return {
    operations: new FairTurns({
      limit: OPERATIONS,
      perGroup: OPERATIONS_PER_ACCOUNT,
      perGroupContended: CONTENDED_OPERATIONS,
      waiting: WAITING,
      full,
    }),
    slices: new TimeSlices(),
  };
}
