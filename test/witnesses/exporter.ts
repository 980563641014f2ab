import { setTimeout as delay } from 'node:timers/promises';
import type { WhereItIs } from '#test/soak/load';
import { type TakenExport, takeExport } from '#test/witnesses/take-export';
import type { Happened, Witness } from '#test/witnesses/witness';

const PAUSE_MS = 250;

/** Takes one file of everything after the other: nearly always there is one in the making. */
export class Exporter implements Witness {
  readonly name = 'exporter';
  /** Files that were taken. */
  taken = 0;
  /** Attempts that died under the files. */
  interrupted = 0;
  readonly #faults: string[] = [];
  readonly #last = new AbortController();
  readonly #stop = new AbortController();
  #work: Promise<TakenExport | undefined> | undefined;

  start(where: WhereItIs): void {
    this.#work = this.#keepTaking(where);
    // Told by `finish`.
    this.#work.catch(() => undefined);
  }

  async finish({ acknowledged }: Happened): Promise<readonly string[]> {
    this.#last.abort();
    try {
      const last = await this.#work;
      const sent = last?.rows.filter(({ raw }) => !isOwn(raw));
      const rows = new Map(sent?.map(({ eventId, raw }) => [eventId, raw]));
      const altered = [...acknowledged].filter(([id, raw]) => rows.get(id) !== raw).length;
      if (altered > 0) this.#faults.push(`${altered} events are not in the last file as they were sent`);
      if (rows.size > acknowledged.size) this.#faults.push('the last file holds what nobody sent');
    } catch (error) {
      this.#faults.push(String(error));
    }
    return this.#faults;
  }

  abandon(): void {
    this.#stop.abort();
  }

  /** The last one is begun when all has been recorded. */
  async #keepTaking(where: WhereItIs): Promise<TakenExport | undefined> {
    for (;;) {
      const isLast = this.#last.signal.aborted;
      const taken = await takeExport(where, { columns: 'position, eventId, raw', stop: this.#stop.signal });
      if (taken === undefined) return undefined;
      this.taken += 1;
      this.interrupted += Math.max(0, taken.attempts - 1);
      this.#faults.push(...taken.faults);
      if (isLast) return taken;
      // Others work here, too, and every file is larger than the one before.
      await delay(PAUSE_MS);
    }
  }
}

/** What the platform recorded of itself, exports among it. */
function isOwn(raw: string): boolean {
  return (JSON.parse(raw) as { eventSource?: unknown }).eventSource === 'cairn';
}
