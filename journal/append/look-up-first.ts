import type { Decision } from '#journal/append/decisions';
import type { Intake } from '#journal/append/intake';
import { Lru } from '#journal/lru';

/** Batches for which a source that repeated an event is looked up. */
const WARY_BATCHES = 64;
const REMEMBERED_SOURCES = 10_000;

/**
 * Whether known identities are looked up before a batch is built, or found out by its refusal. Most sources
 * never repeat themselves and are spared the look-up; an import that is run again repeats everything, and a
 * refused batch would be built for nothing each time. A source that is new is looked up once.
 */
export class LookUpFirst {
  readonly #wary = new Lru<string, number>(REMEMBERED_SOURCES);

  advises(sources: readonly string[]): boolean {
    return sources.some((source) => this.#wary.get(source) !== 0);
  }

  learn(intake: Intake, decisions: readonly Decision[]): void {
    const repeated = new Set<string | undefined>();
    for (const [index, decision] of decisions.entries()) {
      if (decision.kind === 'known') repeated.add(intake.sources[intake.sourceOf[index] ?? 0]);
    }
    for (const source of intake.sources) {
      const left = this.#wary.get(source) ?? 1;
      this.#wary.set(source, repeated.has(source) ? WARY_BATCHES : Math.max(0, left - 1));
    }
  }
}
