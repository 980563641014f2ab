import { CairnError } from '#domain/errors';
import type { Check } from '#platform/http/health';

/** Nobody may have tried since: what failed longer ago says nothing. */
const FRESH_MS = 60_000;

/**
 * Whether what is sent can be recorded. Questions are answered from a full disk, too, and an attempt of ours
 * would leave something in the log: so it is told by how the senders fared last.
 */
export class RecordingCheck {
  readonly #now: () => number;
  #failure: { readonly at: number; readonly error: CairnError } | undefined;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Does the recording, and remembers when there was nothing to record to. Other refusals are the sender's. */
  async watch<T>(record: () => Promise<T>): Promise<T> {
    try {
      const result = await record();
      this.#failure = undefined;
      return result;
    } catch (error) {
      if (error instanceof CairnError && error.code === 'UNAVAILABLE')
        this.#failure = { at: this.#now(), error };
      throw error;
    }
  }

  readonly check: Check = async () => {
    if (this.#failure !== undefined && this.#now() - this.#failure.at < FRESH_MS) throw this.#failure.error;
  };
}
