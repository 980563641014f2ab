import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { EventSource, EXAMPLE_ACCOUNTS } from '#domain/generator/events';
import { postEvents } from '#test/acceptance/client';

/** Where the platform is now; it may be down, or another one every time. */
export type WhereItIs = () => { readonly url: string; readonly apiKey: string };

interface Report {
  readonly received: number;
  readonly recorded: number;
  readonly duplicates: number;
}

const SENDERS = 3;
const BODY_EVENTS = 100;
const RETRY_MS = 50;
const PATIENCE_MS = 120_000;
/** A statement that PostgreSQL never answers is given up after 35 s, and an answer may wait for two of them. */
const LATE_MS = 90_000;
const DAY_MS = 86_400_000;

/**
 * Senders as there are many: each sends a body, sends it again until it is answered, and goes on to the next.
 * What is answered must never be lost.
 */
export class Load {
  /** Raw text of every event that was acknowledged, by its eventID. */
  readonly acknowledged = new Map<string, string>();
  /** Answers that did not come or said no. */
  failures = 0;
  /** What the answers that said no were, by status; with a word when one does not say when to come again. */
  readonly refusals = new Map<string, number>();
  readonly #where: WhereItIs;
  readonly #source: EventSource;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<{ readonly isReached: () => boolean; readonly resolve: () => void }>();
  #bodies = 0;
  #putOff = 0;
  #abandoned = false;
  #senders: Promise<unknown> | undefined;

  readonly #pauseMs: number;

  /** Each sender pauses for `pauseMs` between its bodies. */
  constructor(where: WhereItIs, seed: number, pauseMs = 0) {
    this.#where = where;
    this.#pauseMs = pauseMs;
    this.#source = new EventSource({ seed, run: 1, accounts: EXAMPLE_ACCOUNTS });
  }

  start(): void {
    this.#senders = Promise.all(Array.from({ length: SENDERS }, () => this.#keepSending()));
  }

  /** Resolves when so many more bodies are acknowledged. */
  async more(bodies: number): Promise<void> {
    const goal = this.#bodies + bodies;
    await this.#until(() => this.#bodies >= goal, 'Nothing was recorded for two minutes.');
  }

  /** Resolves when so many more bodies are answered with a no that says when to come again. */
  async putOff(bodies: number): Promise<void> {
    const goal = this.#putOff + bodies;
    await this.#until(() => this.#putOff >= goal, 'Nobody was told to come again for two minutes.');
  }

  /** Lets every sender finish the body that it has begun. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#senders;
  }

  /** Ends at once, whatever is in hand. */
  abandon(): void {
    this.#stop.abort();
    this.#abandoned = true;
  }

  async #until(isReached: () => boolean, otherwise: string): Promise<void> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add({ isReached, resolve });
    await Promise.race([promise, this.#senders, once(patience, 'abort')]);
    if (patience.aborted) throw new Error(otherwise);
  }

  #tellWaiting(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.isReached()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  async #keepSending(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const events = this.#nextEvents();
      await this.#sendUntilAnswered([...events.values()].join('\n'), events.size);
      for (const [id, text] of events) this.acknowledged.set(id, text);
      this.#bodies += 1;
      this.#tellWaiting();
      if (this.#pauseMs > 0) await delay(this.#pauseMs);
    }
  }

  #nextEvents(): Map<string, string> {
    const now = Date.now();
    const texts = Array.from({ length: BODY_EVENTS }, () =>
      this.#source.next(now - this.#source.random.below(30 * DAY_MS)),
    );
    return new Map(texts.map((text) => [(JSON.parse(text) as { eventID: string }).eventID, text]));
  }

  async #sendUntilAnswered(body: string, events: number): Promise<void> {
    while (!this.#abandoned) {
      const report = await this.#try(body);
      if (report !== undefined) {
        if (report.recorded + report.duplicates === events) return;
        throw new Error(`Events were refused: ${JSON.stringify(report)}`);
      }
      this.failures += 1;
      await delay(RETRY_MS);
    }
  }

  /** Undefined when there was no answer, or one that asks for patience. */
  async #try(body: string): Promise<Report | undefined> {
    let response: Response;
    let text: string;
    const late = AbortSignal.timeout(LATE_MS);
    try {
      response = await postEvents(this.#where(), body, '?import=soak', late);
      text = await response.text();
    } catch (error) {
      if (late.aborted) throw new Error(`No answer within ${LATE_MS / 1_000} s.`, { cause: error });
      // The platform is down, or went down while it answered: that is what is being tried here.
      return undefined;
    }
    if (response.status === 200) return JSON.parse(text) as Report;
    const kind = `${response.status}${response.headers.has('retry-after') ? '' : ' without Retry-After'}`;
    this.refusals.set(kind, (this.refusals.get(kind) ?? 0) + 1);
    if (kind === '429' || kind === '503') {
      this.#putOff += 1;
      this.#tellWaiting();
    }
    if ([429, 500, 502, 503, 504].includes(response.status)) return undefined;
    throw new Error(`The bulk door answered ${response.status}: ${text.slice(0, 500)}`);
  }
}
