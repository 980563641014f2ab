import { CairnError } from '#domain/errors';
import type { ErasureScope, JournalSlice, Place } from '#journal/types';

/**
 * A view of the journal that can be thrown away and rebuilt. workers/project.ts moves it; nothing else
 * calls `write`. Replaying a slice, another slice size, or a crash between `write` and its return all lead
 * to the same content (projections/projection.contract.ts shows it). No two calls of one projection overlap.
 *
 * CORRUPT says that the storage is damaged: only `reset` helps, and a replay of the journal.
 */
export interface Projection {
  readonly name: string;
  /** A change of shape raises it; a projection of another version on disk is rebuilt. */
  readonly version: number;
  /** Creates or opens the storage. What is damaged or of another version begins anew. */
  init(): Promise<void>;
  /** Where to read on; stored with the data. */
  cursor(): Promise<Place>;
  /** Applies the slice and moves the cursor to `slice.next`, both or neither. */
  write(slice: JournalSlice): Promise<void>;
  /** Removes every trace of the scope's events, free pages and write-ahead logs included. */
  erase(scope: ErasureScope): Promise<void>;
  reset(): Promise<void>;
  /** Housekeeping that is due now and then, such as dropping what is older than its days. */
  tidy?(): Promise<void>;
  /** An empty successor, built beside this one while it answers. */
  startRebuild?(): Promise<Successor>;
  close(): Promise<void>;
}

/** Another process has begun to move the projection: nothing goes on here before another `init`. */
export class TakenOver extends CairnError {
  constructor(message: string, cause: unknown) {
    super('UNAVAILABLE', message, { cause });
    this.name = 'TakenOver';
  }
}

/** A projection under construction. */
export interface Successor extends Pick<Projection, 'cursor' | 'write' | 'erase'> {
  /** Takes the place of the one that it was started from, in one step for every reader. */
  publish(): Promise<void>;
  /** Gives up and removes what was built. */
  abandon(): Promise<void>;
}
