/** What a child of the crash test is told, as JSON in its only argument. */
export interface ChildTask {
  readonly url: string;
  readonly folder: string;
  /** Names the child's events and its source. */
  readonly lane: string;
  /** Number of its first event: all before it were acknowledged. */
  readonly from: number;
  /** Where it kills itself, and at which time it gets there; undefined: its parent will. */
  readonly die: { readonly step: string; readonly at: number } | undefined;
  /** It erases an account again and again. */
  readonly erases: boolean;
}

/** What it tells of each append that was answered: positions of its events from `from` on. */
export interface ChildAck {
  readonly from: number;
  readonly positions: readonly number[];
}

/** Its events are recorded only to be erased. */
export const DOOMED = '999999999999';
