import type { CairnError } from '#domain/errors';
import type {
  Journal,
  JournalEvent,
  JournalSlice,
  Outcome,
  Place,
  SourceCounters,
  Submission,
} from '#journal/types';
import { EventIds } from '#journal/event-id';

const EPOCH = 1;

/** A journal that keeps its promises for as long as the test runs: once, in order, bytes as received. */
export class MemoryJournal implements Journal {
  readonly events: JournalEvent[] = [];
  readonly submissions: Submission[] = [];
  /** Batches that `get` was asked for. */
  readonly gets: number[] = [];
  /** While it is set, `append` answers with it. */
  failure: CairnError | undefined;
  /** Called before each append; a test may wait in it. */
  gate: () => Promise<void> = () => Promise.resolve();
  /** Appends that run now, and the most there ever were. */
  running = 0;
  mostRunning = 0;
  private readonly identities = new Map<string, number>();
  private readonly sources = new Map<string, SourceCounters>();
  private readonly erased = new Set<number>();

  async append(submission: Submission): Promise<readonly Outcome[]> {
    this.running += 1;
    this.mostRunning = Math.max(this.running, this.mostRunning);
    try {
      await this.gate();
      if (this.failure) throw this.failure;
      this.submissions.push(submission);
      const outcomes = submission.events.map((event) => this.take(event, submission.source));
      this.count(submission, outcomes);
      return outcomes;
    } finally {
      this.running -= 1;
    }
  }

  head(): Promise<Place> {
    return Promise.resolve({ epoch: EPOCH, position: this.events.length });
  }

  read(from: Place, limit: number): Promise<JournalSlice> {
    const end = Math.min(this.events.length, from.position + limit);
    const events = this.events
      .slice(from.position, end)
      .filter(({ place }) => !this.erased.has(place.position));
    return Promise.resolve({
      events,
      next: { epoch: EPOCH, position: end },
      behind: this.events.length - end,
    });
  }

  get(places: readonly Place[]): Promise<readonly (JournalEvent | undefined)[]> {
    this.gets.push(places.length);
    return Promise.resolve(
      places.map(({ epoch, position }) =>
        epoch === EPOCH && !this.erased.has(position) ? this.events[position] : undefined,
      ),
    );
  }

  counters(): Promise<readonly SourceCounters[]> {
    return Promise.resolve([...this.sources.values()]);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  erase(position: number): void {
    this.erased.add(position);
  }

  private take(event: Submission['events'][number], source: string): Outcome {
    const identity = `${event.account}/${event.eventId}/${Math.floor(event.eventTime / 3_600_000)}`;
    const known = this.identities.get(identity);
    if (known !== undefined) {
      const same = this.events[known]?.raw.equals(event.raw) === true;
      return { result: same ? 'DUPLICATE' : 'CONFLICT', place: { epoch: EPOCH, position: known } };
    }
    const place = { epoch: EPOCH, position: this.events.length };
    this.identities.set(identity, place.position);
    this.events.push({ ...event, place, source, receivedAt: Date.now() });
    return { result: 'RECORDED', place };
  }

  private count({ source, received, refused }: Submission, outcomes: readonly Outcome[]): void {
    const before = this.sources.get(source);
    const added = (result: Outcome['result']): number =>
      outcomes.filter((outcome) => outcome.result === result).length;
    this.sources.set(source, {
      source,
      received: (before?.received ?? 0) + received,
      accepted: (before?.accepted ?? 0) + added('RECORDED'),
      duplicate: (before?.duplicate ?? 0) + added('DUPLICATE'),
      conflict: (before?.conflict ?? 0) + added('CONFLICT'),
      refused: (before?.refused ?? 0) + refused + added('REFUSED'),
    });
  }
}

/** Ids under a key that every test has. */
export const testEventIds = new EventIds(Buffer.alloc(32, 7));
