import type { HistoryCursor } from '#projections/history/history-index';

/**
 * A row's id is its place in time: (eventTime - 2006-01-01 in seconds) * 2^22 + (position mod 2^22). It is a
 * safe integer of JavaScript until 2074, "newest first" is a reverse walk, and a time range is a range of ids.
 * When the slot is taken (4 million positions apart within one second), the row gets the second's next free one.
 */
export const EPOCH_SECOND = 1_136_073_600;
export const SLOTS = 2 ** 22;

/** Slots that a row may lie beyond its own; a second with more collisions holds over 4 million events. */
export const MAX_PROBES = 64;

export function firstRowidOf(second: number): number {
  return (second - EPOCH_SECOND) * SLOTS;
}

export function secondOf(rowid: number): number {
  return Math.floor(rowid / SLOTS) + EPOCH_SECOND;
}

export function rowidOf({ second, position }: HistoryCursor): number {
  return firstRowidOf(second) + (position % SLOTS);
}

/** The slot after this one, in the same second. */
export function nextSlot(rowid: number): number {
  const start = Math.floor(rowid / SLOTS) * SLOTS;
  return start + ((rowid - start + 1) % SLOTS);
}
