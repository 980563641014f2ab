import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '#journal/types';
import type { PubSub } from '#platform/pubsub/pubsub';

/** The channel that is rung after commits; the message is `<epoch>:<next position>`. */
export const JOURNAL_CHANNEL = 'journal';

/** Rings at most this often: every PostgreSQL NOTIFY is a commit under a lock of its own. */
const PAUSE_MS = 25;

/** Tells other processes that the journal, or a view of it, has grown, soon after the last of several commits at the latest. */
export class Doorbell {
  readonly #pubsub: PubSub;
  readonly #onError: (error: unknown) => void;
  readonly #channel: string;
  #next: Place | undefined;
  #ringing: Promise<void> | undefined;

  constructor(pubsub: PubSub, onError: (error: unknown) => void, channel = JOURNAL_CHANNEL) {
    this.#pubsub = pubsub;
    this.#onError = onError;
    this.#channel = channel;
  }

  ring(next: Place): void {
    if (this.#next === undefined || next.position > this.#next.position) this.#next = next;
    this.#ringing ??= this.#run();
  }

  /** Resolves when nothing is left to tell. */
  async settled(): Promise<void> {
    await this.#ringing;
  }

  async #run(): Promise<void> {
    while (this.#next !== undefined) {
      const { epoch, position } = this.#next;
      this.#next = undefined;
      try {
        await this.#pubsub.publish(this.#channel, `${epoch}:${position}`);
      } catch (error) {
        // A lost ring costs time only: whoever waits looks by itself now and then.
        this.#onError(error);
      }
      await delay(PAUSE_MS);
    }
    this.#ringing = undefined;
  }
}
