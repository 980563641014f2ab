import { CairnError } from '#domain/errors';
import type { Erasures } from '#journal/erasures';
import type { ClearFrames, Keep } from '#journal/read/clear-frames';
import type { Epochs } from '#journal/read/epochs';
import { StoredEvent, type EventRun } from '#journal/read/event-run';
import type { SegmentRuns } from '#journal/read/segment-runs';
import type { TailRuns } from '#journal/read/tail-runs';
import { available } from '#journal/store/sql-error';
import type { TailStore, TailView } from '#journal/store/tail-store';
import type { JournalEvent, JournalSlice, Place } from '#journal/types';

/** Raw bytes after which a slice ends. */
const SLICE_BYTES = 16 * 1024 * 1024;
/** Events opened before the bytes are counted again. */
const STEP_EVENTS = 256;
/** Batches of the tail in one slice. */
const SLICE_BATCHES = 64;
/** Looks at the seam: a segment takes tens of milliseconds to take over from the tail. */
const SEAM_ATTEMPTS = 50;

export interface ReaderDeps {
  readonly tail: TailStore;
  readonly segments: SegmentRuns;
  readonly tailRuns: TailRuns;
  readonly frames: ClearFrames;
  readonly erasures: Erasures;
  readonly epochs: Epochs;
}

/** Reads events back, from segments and the tail as if they were one. */
export class Reader {
  readonly #deps: ReaderDeps;
  /** Positions below it are in segments; it only grows. */
  #sealedEnd = 0;

  constructor(deps: ReaderDeps) {
    this.#deps = deps;
  }

  /** As `Journal.read`. */
  async read(from: Place, limit: number): Promise<JournalSlice> {
    return available(async () => {
      const { view, runs } = await this.#runsFrom(from);
      const events: JournalEvent[] = [];
      let position = from.position;
      let epoch = from.epoch;
      const end = position + limit;
      let room = SLICE_BYTES;
      for (const run of runs) {
        while (room > 0 && position < Math.min(end, run.first + run.count)) {
          const to = Math.min(end, run.first + run.count, position + STEP_EVENTS);
          const part = await this.#open(run, range(position - run.first, to - run.first), 'all');
          for (let at = 0; at < part.length && room > 0; at++, position++) {
            const event = part[at];
            if (event === undefined) continue;
            events.push(event);
            room -= event.raw.length;
          }
          epoch = run.epoch;
        }
      }
      if (position === view.position) epoch = view.epoch;
      return { events, next: { epoch, position }, behind: Math.max(0, view.position - position) };
    });
  }

  /** As `Journal.get`. */
  async get(places: readonly Place[]): Promise<readonly (JournalEvent | undefined)[]> {
    if (places.length === 0) return [];
    return available(async () => {
      const positions = [...new Set(places.map((place) => place.position))];
      const runs = await this.#runsAt(positions);
      const wanted = new Map<EventRun, Set<number>>();
      for (const { epoch, position } of places) {
        const run = runs.get(position);
        if (run?.epoch !== epoch) continue;
        const indexes = wanted.get(run) ?? new Set();
        wanted.set(run, indexes.add(position - run.first));
      }
      const found = new Map<number, JournalEvent>();
      const parts = await Promise.all(
        [...wanted].map(([run, indexes]) => this.#open(run, [...indexes], 'repeated')),
      );
      for (const event of parts.flat()) if (event !== undefined) found.set(event.place.position, event);
      return places.map(({ epoch, position }) => {
        const event = found.get(position);
        return event?.place.epoch === epoch ? event : undefined;
      });
    });
  }

  /** Events of a run in the order of `indexes`; undefined where they were erased. */
  async #open(run: EventRun, indexes: readonly number[], keep: Keep): Promise<(JournalEvent | undefined)[]> {
    const numbers = new Set(indexes.map((index) => run.frameOf[index] ?? 0));
    using frames = await this.#deps.frames.open(run, numbers, keep);
    return indexes.map((index) => {
      const number = run.frameOf[index] ?? 0;
      const frame = frames.byNumber.get(number);
      const account = run.frames[number]?.account;
      if (frame === undefined || account === undefined) return undefined;
      const raw = frame.event(run.slotOf[index] ?? 0);
      return new StoredEvent(run, index, account, keep === 'all' ? raw : Buffer.from(raw));
    });
  }

  /** The runs that a slice is read from: the segment that holds `from`, else batches of the tail. */
  async #runsFrom(from: Place): Promise<{ view: TailView; runs: readonly EventRun[] }> {
    for (let attempt = 0; attempt < SEAM_ATTEMPTS; attempt++) {
      const view = await this.#see(() => this.#deps.tail.viewFrom(from.position, SLICE_BATCHES));
      await this.#deps.epochs.check(from, view);
      if (from.position >= view.position) return { view, runs: [] };
      if (from.position < view.sealedEnd) {
        const run = (await this.#deps.segments.at([from.position])).get(from.position);
        if (run === undefined) throw new CairnError('CORRUPT', `No segment holds position ${from.position}.`);
        return { view, runs: [run] };
      }
      const batches = following(view, from.position);
      const runs = batches.length === 0 ? undefined : await this.#deps.tailRuns.of(batches);
      if (runs !== undefined) return { view, runs };
    }
    throw seamLost(from.position);
  }

  async #runsAt(positions: readonly number[]): Promise<ReadonlyMap<number, EventRun>> {
    for (let attempt = 0; attempt < SEAM_ATTEMPTS; attempt++) {
      const late = positions.filter((position) => position >= this.#sealedEnd);
      const view = late.length === 0 ? undefined : await this.#see(() => this.#deps.tail.viewAt(late));
      const sealed = positions.filter((position) => position < this.#sealedEnd);
      const runs = new Map(sealed.length === 0 ? [] : await this.#deps.segments.at(sealed));
      if (view === undefined) return runs;
      const open = late.filter((position) => position >= view.sealedEnd && position < view.position);
      if (await this.#addTail(runs, view, open)) return runs;
    }
    throw seamLost(Math.min(...positions));
  }

  /** False when the view lacks a batch that it should have. */
  async #addTail(
    runs: Map<number, EventRun>,
    view: TailView,
    positions: readonly number[],
  ): Promise<boolean> {
    const found = await this.#deps.tailRuns.of(view.batches);
    if (found === undefined) return false;
    for (const position of positions) {
      const run = found.find(({ first, count }) => first <= position && position < first + count);
      if (run === undefined) return false;
      runs.set(position, run);
    }
    return true;
  }

  async #see(look: () => Promise<TailView | undefined>): Promise<TailView> {
    const view = await look();
    if (view === undefined)
      throw new CairnError('UNAVAILABLE', 'The journal has no log yet.', { retryAfter: 2 });
    this.#sealedEnd = Math.max(this.#sealedEnd, view.sealedEnd);
    await this.#deps.erasures.observe(view.erasures);
    return view;
  }
}

/** The batches from the one that holds `position` on, as far as each follows the one before. */
function following(view: TailView, position: number): TailView['batches'] {
  const batches: TailView['batches'][number][] = [];
  let next = position;
  for (const batch of view.batches) {
    if (batch.first > next) break;
    batches.push(batch);
    next = batch.first + batch.count;
  }
  return batches;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function seamLost(position: number): CairnError {
  return new CairnError('CORRUPT', `Position ${position} is neither in a segment nor in the tail.`);
}
