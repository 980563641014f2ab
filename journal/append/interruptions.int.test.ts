import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournal, type OpenJournal } from '#journal/journal';
import type { Outcome } from '#journal/types';
import { createPool, type Pool } from '#platform/db';
import { FileKeyProvider } from '#platform/keys';
import { createLog } from '#platform/log';
import {
  countOutcomes,
  createJournalBed,
  newEvent,
  newEvents,
  placesOf,
  readAll,
  submissionOf,
  type JournalBed,
} from '#test/journal-bed';

describe('an append that is interrupted', () => {
  let bed: JournalBed;
  beforeEach(async () => {
    bed = await createJournalBed();
  });
  afterEach(() => bed[Symbol.asyncDispose]());

  it('is recorded once when the connection is lost after COMMIT and before the answer', async () => {
    await (await bed.open()).append(submissionOf([newEvent(0)]));
    await using proxy = await CuttingProxy.start(bed.database.url);
    const { journal, pool } = await openThrough(bed, proxy.url);
    await journal.append(submissionOf([newEvent(1)]));
    for (const [number, events] of [newEvents(10, 20), [], newEvents(10, 15)].entries()) {
      proxy.cutAnswers = 2;
      const outcomes = await journal.append(submissionOf(events, `key:cut${number}`, 1));
      expect(proxy.cutAnswers).toBe(0);
      expect(countOutcomes(outcomes)).toEqual([{ RECORDED: 10 }, {}, { DUPLICATE: 5 }][number]);
      expect((await journal.get(placesOf(outcomes))).map((event) => event?.eventId)).toEqual(
        events.map(({ eventId }) => eventId),
      );
    }
    expect((await journal.counters()).filter(({ source }) => source.startsWith('key:cut'))).toEqual([
      { source: 'key:cut0', received: 11, accepted: 10, duplicate: 0, conflict: 0, refused: 1 },
      { source: 'key:cut1', received: 1, accepted: 0, duplicate: 0, conflict: 0, refused: 1 },
      { source: 'key:cut2', received: 6, accepted: 0, duplicate: 5, conflict: 0, refused: 1 },
    ]);
    await journal.close();
    await pool.end();
  });

  it('is recorded once when backends are terminated at random', async () => {
    const journal = await bed.open();
    const executioner = new Client({ connectionString: bed.database.url });
    await executioner.connect();
    let killed = 0;
    let answers = 0;
    let done = false;
    const kill = async (): Promise<void> => {
      while (!done) {
        const { rowCount } = await executioner.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND pid <> pg_backend_pid()`,
        );
        killed += rowCount ?? 0;
        // A slow machine must get something through between two executions.
        for (const before = answers; answers === before && !done;) await delay(1);
        await delay(Math.random() * 40);
      }
    };
    const append = async (lane: number): Promise<readonly Outcome[]> => {
      const outcomes: Outcome[] = [];
      for (let from = lane * 100_000; killed < 40; from += 20) {
        outcomes.push(...(await journal.append(submissionOf(newEvents(from, from + 20), `key:lane${lane}`))));
        answers++;
      }
      return outcomes;
    };
    const killing = kill();
    const lanes = await Promise.all([0, 1, 2].map(append));
    done = true;
    await killing;
    await executioner.end();
    const all = lanes.flat();
    expect(countOutcomes(all)).toEqual({ RECORDED: all.length });
    expect((await readAll(journal)).positions).toEqual(Array.from({ length: all.length }, (_, at) => at));
    expect(new Set(placesOf(all).map(({ position }) => position)).size).toBe(all.length);
    expect(await journal.counters()).toEqual(
      lanes.map(({ length }, lane) => ({
        source: `key:lane${lane}`,
        received: length,
        accepted: length,
        duplicate: 0,
        conflict: 0,
        refused: 0,
      })),
    );
  });

  it('is UNAVAILABLE in the end when the database does not answer, and can be sent again', async () => {
    await using proxy = await CuttingProxy.start(bed.database.url);
    const { journal, pool } = await openThrough(bed, proxy.url, { timeoutMs: 300 });
    proxy.cutAnswers = Number.POSITIVE_INFINITY;
    await expect(journal.append(submissionOf(newEvents(0, 3)))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    proxy.cutAnswers = 0;
    // It was recorded, but nobody could know.
    expect(countOutcomes(await journal.append(submissionOf(newEvents(0, 3))))).toEqual({ DUPLICATE: 3 });
    await journal.close();
    await pool.end();
  });

  it('is TOO_MANY_REQUESTS when the queue is full, and nothing is lost', async () => {
    const journal = await bed.open({ append: { queueBytes: 20_000, batchBytes: 5_000 } });
    const sent = Array.from({ length: 60 }, (_, at) =>
      journal.append(submissionOf(newEvents(at * 10, at * 10 + 10))),
    );
    const settled = await Promise.allSettled(sent);
    const refused = settled.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
    const taken = settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    expect(refused.length).toBeGreaterThan(10);
    for (const reason of refused)
      expect(reason).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: expect.any(Number) });
    expect(countOutcomes(taken)).toEqual({ RECORDED: taken.length });
    expect((await journal.head()).position).toBe(taken.length);
    expect(journal.load()).toBe(0);
    // One that is larger than the queue is taken when nothing else is there.
    expect(
      countOutcomes(await journal.append(submissionOf([newEvent(9000, { note: 'z'.repeat(30_000) })]))),
    ).toEqual({ RECORDED: 1 });
  });

  it('is answered before the journal closes; later ones are refused', async () => {
    const journal = await bed.open();
    const sent = journal.append(submissionOf(newEvents(0, 10)));
    await journal.close();
    expect(countOutcomes(await sent)).toEqual({ RECORDED: 10 });
    await expect(journal.append(submissionOf([newEvent(11)]))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

async function openThrough(
  bed: JournalBed,
  url: string,
  append: { readonly timeoutMs?: number } = {},
): Promise<{ journal: OpenJournal; pool: Pool }> {
  const pool = createPool(url);
  const keys = await FileKeyProvider.open(`${bed.folder}/master.key`);
  const { objects, keyObjects, anchor, pubsub } = bed;
  const log = createLog({ level: 'silent', name: 'test' });
  return {
    journal: await openJournal({ pool, objects, keyObjects, anchor, keys, pubsub, log }, { append }),
    pool,
  };
}

/** Stands before PostgreSQL and cuts connections when a commit is answered: it has happened, unheard. */
class CuttingProxy implements AsyncDisposable {
  cutAnswers = 0;
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(url: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    const url = new URL(this.#target);
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  #serve(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    let committing = false;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      // The other side ends with it, however it ended.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (data) => {
      committing ||= data.includes('journal-commit');
      server.write(data);
    });
    server.on('data', (data) => {
      // ParseComplete or BindComplete come first; a DataRow or an error says that it is done.
      if (!committing || this.cutAnswers <= 0) client.write(data);
      else {
        this.cutAnswers--;
        client.destroy();
      }
      committing = false;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
