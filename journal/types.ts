import type { JsonObject } from '#domain/event';

/** A place in the log: the event at `position` of `epoch`. As a cursor: the next one to read. */
export interface Place {
  readonly epoch: number;
  /** 0-based, gapless within a log; below 2^48. */
  readonly position: number;
}

/** One event to append. The caller has checked it: its account exists and the source may write to it. */
export interface NewEvent {
  readonly raw: Buffer;
  readonly account: string;
  readonly eventId: string;
  /** Milliseconds since 1970, UTC. */
  readonly eventTime: number;
}

/** What one request, file or stream chunk brings, with the counts that its parser made. */
export interface Submission {
  /** Who sends: `key:<id>` or `import:<id>`; at most 64 bytes. Counters are kept per source. */
  readonly source: string;
  /** Events that the parser saw, refused ones included. */
  readonly received: number;
  /** Events that were refused before they reached the journal. */
  readonly refused: number;
  readonly events: readonly NewEvent[];
}

/** What became of one event, in the order of the submission. */
export type Outcome =
  | { readonly result: 'RECORDED'; readonly place: Place }
  /** The same event was accepted before, at `place`. */
  | { readonly result: 'DUPLICATE'; readonly place: Place }
  /** Another event with the same account, eventID and hour was accepted before, at `place`. */
  | { readonly result: 'CONFLICT'; readonly place: Place }
  | { readonly result: 'REFUSED'; readonly code: 'ERASED' | 'RETENTION_EXPIRED'; readonly message: string };

/** An event read back, with the envelope that the journal put around it. */
export interface JournalEvent {
  readonly place: Place;
  /** Milliseconds since 1970, UTC; never decreases along positions. */
  readonly receivedAt: number;
  readonly account: string;
  readonly source: string;
  readonly eventId: string;
  readonly eventTime: number;
  readonly raw: Buffer;
  /** `eventId`, for whoever has parsed `raw` to this record already; absent where the id is at hand anyway. */
  eventIdIn?(record: JsonObject): string;
}

/** A run of positions read for a projection. Erased events are absent, their positions are passed over. */
export interface JournalSlice {
  readonly events: readonly JournalEvent[];
  /** Where to read on. */
  readonly next: Place;
  /** Positions between `next` and the head when the slice was read. */
  readonly behind: number;
}

/** received = accepted + duplicate + conflict + refused, per source. */
export interface SourceCounters {
  readonly source: string;
  readonly received: number;
  readonly accepted: number;
  readonly duplicate: number;
  readonly conflict: number;
  readonly refused: number;
}

/** Events of one account, of all its months or of those that begin before `before` (a month's first instant). */
export interface ErasureScope {
  readonly account: string;
  /** Milliseconds since 1970; undefined = everything. Always the first instant of a month, UTC. */
  readonly before: number | undefined;
}

/** The journal as the rest of the house sees it. */
export interface Journal {
  /** Durable when it resolves. Throws TOO_MANY_REQUESTS when the queue is full, UNAVAILABLE when PostgreSQL is. */
  append(submission: Submission): Promise<readonly Outcome[]>;
  head(): Promise<Place>;
  /** Events from `from` on, in order, at most `limit` positions and about 16 MB. CURSOR_EXPIRED when the epoch's end was lost. */
  read(from: Place, limit: number): Promise<JournalSlice>;
  /** The events at these places, in the same order; undefined where there is none or it was erased. */
  get(places: readonly Place[]): Promise<readonly (JournalEvent | undefined)[]>;
  counters(): Promise<readonly SourceCounters[]>;
  close(): Promise<void>;
}
