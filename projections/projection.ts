import type { ErasureScope, JournalSlice, Place } from '#journal/types';

/**
 * A view of the journal that can be thrown away and rebuilt. workers/project.ts moves it; nothing else
 * calls `write`. Replaying a slice, another slice size, or a crash between `write` and its return all lead
 * to the same content (projections/projection.contract.ts shows it).
 */
export interface Projection {
  readonly name: string;
  /** A change of shape raises it; a projection of another version on disk is rebuilt. */
  readonly version: number;
  /** Creates or opens the storage. */
  init(): Promise<void>;
  /** Where to read on; stored with the data. */
  cursor(): Promise<Place>;
  /** Applies the slice and moves the cursor to `slice.next`, both or neither. */
  write(slice: JournalSlice): Promise<void>;
  /** Removes every trace of the scope's events, free pages and write-ahead logs included. */
  erase(scope: ErasureScope): Promise<void>;
  reset(): Promise<void>;
  close(): Promise<void>;
}
