/** Rights of which one process at a time has each, such as moving a projection. */
export interface Leases {
  /** Waits until nobody else has the lease. Rejects when the signal aborts first. */
  acquire(name: string, signal: AbortSignal): Promise<Lease>;
}

export interface Lease {
  /** Aborts when the lease may have gone to somebody else: begin nothing new. */
  readonly lost: AbortSignal;
  /** Gives the lease up; also after it was lost. */
  release(): Promise<void>;
}
