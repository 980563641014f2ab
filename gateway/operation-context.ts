import type { Caller } from '#domain/caller';

/** What the gateway's door hands to every operation of a request; Hive and Yoga add their own fields. */
export interface DoorContext {
  readonly caller: Caller;
  /** Aborted when the client leaves before the answer is complete. */
  readonly left: AbortSignal;
  /** Set when an operation starts: `left`, or out of time. */
  signal?: AbortSignal;
}

/** Hive types its contexts loosely; nothing runs without what the door has put there. */
export function doorContext(context: unknown): DoorContext {
  if (typeof context !== 'object' || context === null || !('caller' in context) || !('left' in context)) {
    throw new TypeError('An operation reached the gateway without passing its door.');
  }
  return context as DoorContext;
}
