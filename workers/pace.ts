/** How fast a projection is moved, and how patient its mover is. */
export interface Pace {
  /** Positions read and written in one go. */
  readonly slice: number;
  /** Milliseconds after which the journal is asked although the doorbell did not ring. */
  readonly poll: number;
  /** Milliseconds between two writes while the head is kept up with, so that a write carries several events. */
  readonly gather: number;
  /** Milliseconds before the first retry after a failure; doubled up to `lastRetry`. */
  readonly firstRetry: number;
  readonly lastRetry: number;
  /** Milliseconds between two rounds of housekeeping. */
  readonly tidy: number;
  /** Milliseconds that an erasure or a rebuild waits for the lease, which may be another process's. */
  readonly patience: number;
}

export const PACE: Pace = {
  slice: 10_000,
  poll: 2_000,
  gather: 100,
  firstRetry: 500,
  lastRetry: 10_000,
  tidy: 3_600_000,
  patience: 30_000,
};
