import { setTimeout as delay } from 'node:timers/promises';
import type { WhereItIs } from '#test/soak/load';
import { ResumingStream } from '#test/witnesses/resuming-stream';
import type { Happened, Witness } from '#test/witnesses/witness';

interface Recorded {
  readonly eventRecorded: {
    readonly cursor: string;
    readonly event: { readonly eventId: string; readonly raw: string };
  };
}

const QUERY = `subscription ($after: ID, $since: DateTime) {
  eventRecorded(after: $after, since: $since) { cursor event { eventId raw } }
}`;
const PAUSE_MS = 50;
const PATIENCE_MS = 120_000;

/** Follows everything: each event must be told once, in the order of recording. */
export class Follower implements Witness {
  readonly name: string;
  readonly #told: string[] = [];
  readonly #texts = new Map<string, string>();
  readonly #door: string | undefined;
  #stream: ResumingStream<Recorded> | undefined;

  /** At the gateway, or at the door of this address. */
  constructor(door?: string) {
    this.#door = door;
    this.name = door === undefined ? 'follower' : `follower of ${door}`;
  }

  /** Streams that were opened: one more than there were losses. */
  get streams(): number {
    return this.#stream?.streams ?? 0;
  }

  start(where: WhereItIs): void {
    this.#stream = new ResumingStream<Recorded>({
      query: QUERY,
      variables: (after) => (after === null ? { since: new Date(0).toISOString() } : { after }),
      take: ({ eventRecorded: { cursor, event } }) => {
        this.#told.push(event.eventId);
        this.#texts.set(event.eventId, event.raw);
        return cursor;
      },
      where: () => {
        const { url, apiKey } = where();
        return { url: this.#door ?? `${url}/graphql`, apiKey };
      },
    });
  }

  /** Resolves when it has been told of this event. */
  async hears(eventId: string): Promise<void> {
    while (!this.#texts.has(eventId)) await delay(PAUSE_MS);
  }

  async finish({ acknowledged, recorded }: Happened): Promise<readonly string[]> {
    const faults = this.#stream?.faults ?? ['it was never started'];
    const deadline = Date.now() + PATIENCE_MS;
    const isBehind = (): boolean => recorded.some((id) => !this.#texts.has(id));
    while (isBehind() && faults.length === 0 && Date.now() < deadline) await delay(PAUSE_MS);
    await this.#stream?.end();
    // What was erased meanwhile is not among them; what the platform records of itself goes on behind them.
    const there = new Set(recorded);
    const told = this.#told.filter((id) => there.has(id));
    const wrong = recorded.findIndex((id, index) => told[index] !== id);
    const altered = [...acknowledged].filter(([id, raw]) => this.#texts.get(id) !== raw).length;
    const sent = this.#told.filter((id) => acknowledged.has(id)).length;
    return [
      ...faults,
      ...(wrong >= 0 ? [`at position ${wrong}: told ${told[wrong] ?? 'nothing'}`] : []),
      ...(altered > 0 ? [`${altered} events were not told as they were sent`] : []),
      ...(sent === acknowledged.size
        ? []
        : [`told ${sent} times of ${acknowledged.size} events that were sent`]),
    ];
  }

  abandon(): void {
    void this.#stream?.end();
  }
}
