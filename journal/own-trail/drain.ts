import { setTimeout as delay } from 'node:timers/promises';
import { INSTALLATION_ACCOUNT } from '#domain/ids';
import { OWN_SOURCE, ownEventText } from '#domain/own-events';
import type { OwnEventStore, ReadyEvent } from '#journal/own-trail/store';
import { noSteps, type Steps } from '#journal/steps';
import type { Journal, NewEvent } from '#journal/types';

export interface DrainParts {
  readonly store: Pick<OwnEventStore, 'inTurn'>;
  readonly journal: Pick<Journal, 'append'>;
  readonly onError: (error: unknown) => void;
  /** Calls without an outcome are told as such after so many milliseconds; five minutes unless told. */
  readonly giveUpMs?: number;
  /** Milliseconds between looks when nobody rings; a second unless told. */
  readonly pollMs?: number;
  /** For crash tests. */
  readonly step?: Steps;
}

const BATCH_EVENTS = 200;
const BATCH_BYTES = 1_048_576;
const GIVE_UP_MS = 300_000;
const POLL_MS = 1_000;
const MAX_PAUSE_MS = 60_000;

/**
 * Moves what is done to Cairn into the journal, through the same append as everything else. A row goes after the
 * journal has its event for good; when a crash comes between, the event's id makes the second send a duplicate.
 * One drain of all processes is at work at a time, so that events keep their order.
 */
export class OwnTrailDrain {
  readonly #parts: DrainParts;
  readonly #stopping = new AbortController();
  #wake: () => void = () => undefined;
  /** While it was at work, and may have looked already. */
  #rung = false;
  #running: Promise<void> | undefined;

  constructor(parts: DrainParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something to do. */
  ring(): void {
    this.#rung = true;
    this.#wake();
  }

  /** Takes what is ready, and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    await this.#attempt();
  }

  /** Everything that is ready; how many rows that were. Rejects with what the journal or PostgreSQL say. */
  async drain(): Promise<number> {
    let total = 0;
    for (;;) {
      const drained = await this.#drainSome();
      total += drained;
      if (drained === 0) return total;
    }
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      this.#rung = false;
      failures = (await this.#attempt()) ? 0 : failures + 1;
      const pause = (this.#parts.pollMs ?? POLL_MS) * 2 ** Math.min(failures, 5);
      await this.#rest(Math.min(pause, MAX_PAUSE_MS), failures === 0);
    }
  }

  async #attempt(): Promise<boolean> {
    try {
      await this.drain();
      return true;
    } catch (error) {
      this.#parts.onError(error);
      return false;
    }
  }

  /** Until it is rung (which what failed does not hear), or for so long. */
  async #rest(ms: number, hears: boolean): Promise<void> {
    const rung = Promise.withResolvers<void>();
    const over = new AbortController();
    this.#wake = () => {
      if (hears || this.#stopping.signal.aborted) rung.resolve();
    };
    if (this.#stopping.signal.aborted || (hears && this.#rung)) return;
    const late = delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
    await Promise.race([rung.promise, late]);
    over.abort();
  }

  async #drainSome(): Promise<number> {
    const { store, journal, giveUpMs = GIVE_UP_MS, step = noSteps, onError } = this.#parts;
    const drained = await store.inTurn(async (turn) => {
      await turn.giveUp(giveUpMs);
      const rows = await turn.ready(BATCH_EVENTS, BATCH_BYTES);
      if (rows.length === 0) return 0;
      const events = rows.flatMap(newEvents);
      const submission = { source: OWN_SOURCE, received: events.length, refused: 0, events };
      for (const outcome of await journal.append(submission)) {
        // Its account was erased up to now, or is not kept that long; a conflict nobody can have made.
        if (outcome.result === 'REFUSED' || outcome.result === 'CONFLICT') {
          onError(new Error(`The journal did not take an event of Cairn’s own: ${outcome.result}.`));
        }
      }
      await step('own events appended');
      await turn.remove(rows.map(({ id }) => id));
      return rows.length;
    });
    return drained ?? 0;
  }
}

function newEvents({ id, accounts, eventTime, record }: ReadyEvent): readonly NewEvent[] {
  const concerned = accounts.length === 0 ? [INSTALLATION_ACCOUNT] : accounts;
  return concerned.map((account) => {
    const { eventId, text } = ownEventText(id, account, { record, accounts: concerned });
    return { raw: Buffer.from(text), account, eventId, eventTime };
  });
}
