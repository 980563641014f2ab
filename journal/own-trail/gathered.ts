import type { OwnServiceEvent } from '#domain/own-events';

/** What may happen as often as others like: the first is recorded at once, those of the next minute by their count. */
export type GatheredEvent = Omit<OwnServiceEvent, 'at'>;

export interface GatheredParts {
  /** Durable when it resolves. */
  readonly write: (event: GatheredEvent & { readonly at: number }) => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Stands for those that are beyond the bounds; it is given their count. */
  readonly rest: GatheredEvent;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Events a minute at most; 60 unless told. */
  readonly perMinute?: number;
  /** Kinds that are counted apart; 1,000 unless told. */
  readonly maxKinds?: number;
}

interface Window {
  event: GatheredEvent;
  count: number;
  firstAt: number;
  lastAt: number;
  /** When the next event of the kind may be written. */
  nextAt: number;
}

const MINUTE_MS = 60_000;
const TICK_MS = 5_000;

/**
 * Keeps whoever repeats himself from filling the journal: at most one event a minute for each kind, at most so
 * many a minute altogether, and a count of all others. What is counted and not yet written is lost in a crash.
 */
export class GatheredEvents {
  readonly #parts: GatheredParts;
  readonly #windows = new Map<string, Window>();
  readonly #rest: Window;
  readonly #timer: NodeJS.Timeout;
  #minute = 0;
  #written = 0;

  constructor(parts: GatheredParts) {
    this.#parts = parts;
    this.#rest = { event: parts.rest, count: 0, firstAt: 0, lastAt: 0, nextAt: 0 };
    this.#timer = setInterval(() => void this.flush(), TICK_MS).unref();
  }

  /** Resolves when the first of its kind is durable; later ones of the same minute are counted. */
  async add(kind: string, event: GatheredEvent): Promise<void> {
    const at = this.#parts.now();
    const known = this.#windows.get(kind);
    if (known !== undefined) return count(known, at);
    const isFull = this.#windows.size >= (this.#parts.maxKinds ?? 1_000);
    if (isFull || !this.#mayWrite(at)) return count(this.#rest, at);
    const window = { event, count: 0, firstAt: at, lastAt: at, nextAt: at + MINUTE_MS };
    this.#windows.set(kind, window);
    try {
      await this.#parts.write({ ...event, at });
    } catch (error) {
      // Told by the next round, so that it is not lost; whoever waits for it must know now.
      window.count += 1;
      throw error;
    }
  }

  /** Writes what is counted and due; everything with `all`. */
  async flush({ all = false }: { readonly all?: boolean } = {}): Promise<void> {
    const now = this.#parts.now();
    for (const [kind, window] of this.#windows) {
      if (window.count > 0) await this.#write(window, { now, all });
      else if (window.nextAt <= now) this.#windows.delete(kind);
    }
    if (this.#rest.count > 0) await this.#write(this.#rest, { now, all: all || this.#rest.nextAt <= now });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush({ all: true });
  }

  async #write(window: Window, { now, all }: { readonly now: number; readonly all: boolean }): Promise<void> {
    if (!all && window.nextAt > now) return;
    if (window !== this.#rest && !all && !this.#mayWrite(now)) {
      this.#rest.count += window.count;
      this.#rest.firstAt = Math.min(this.#rest.firstAt || window.firstAt, window.firstAt);
      this.#rest.lastAt = Math.max(this.#rest.lastAt, window.lastAt);
      window.count = 0;
      return;
    }
    const { event, count: told, firstAt, lastAt } = window;
    window.count = 0;
    window.nextAt = now + MINUTE_MS;
    const times = { firstTime: new Date(firstAt).toISOString(), lastTime: new Date(lastAt).toISOString() };
    const additional = { ...event.additional, count: told, ...times };
    try {
      await this.#parts.write({ ...event, additional, at: lastAt });
    } catch (error) {
      // Counted on; the times are wider than needed then, never too narrow.
      window.firstAt = firstAt;
      window.count += told;
      this.#parts.onError(error);
    }
  }

  #mayWrite(now: number): boolean {
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#written = 0;
    }
    if (this.#written >= (this.#parts.perMinute ?? 60)) return false;
    this.#written += 1;
    return true;
  }
}

function count(window: Window, at: number): void {
  if (window.count === 0) window.firstAt = at;
  window.count += 1;
  window.lastAt = at;
}
