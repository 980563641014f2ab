import type { PubSub } from '#platform/pubsub/pubsub';

/** Rings within the process, so that a test sees when. */
export class LocalPubSub implements PubSub {
  readonly rung: [channel: string, message: string][] = [];
  readonly #listeners = new Set<[string, (message: string) => void]>();

  publish(channel: string, message: string): Promise<void> {
    this.rung.push([channel, message]);
    for (const [of, listener] of this.#listeners) if (of === channel) listener(message);
    return Promise.resolve();
  }

  subscribe(channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    const entry: [string, (message: string) => void] = [channel, listener];
    this.#listeners.add(entry);
    return Promise.resolve(() => {
      this.#listeners.delete(entry);
      return Promise.resolve();
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
