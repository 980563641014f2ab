import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CairnError } from '#domain/errors';
import type { JournalSlice, Place } from '#journal/types';
import type { PubSub } from '#platform/pubsub/pubsub';
import type { HistoryProjection } from '#projections/history/history-projection';
import { TakenOver, type Projection } from '#projections/projection';
import type { Lease, Leases } from '#workers/lease/lease';
import type { Pace } from '#workers/pace';
import { Projector } from '#workers/project';
import { testEvent } from '#test/arbitrary-events';
import { ArrayJournal } from '#test/array-journal';
import { createHistoryBed, type HistoryBed } from '#test/history-bed';

/** A doorbell within the process. */
class LocalPubSub implements PubSub {
  readonly #listeners = new Set<(message: string) => void>();

  async publish(): Promise<void> {
    for (const listener of this.#listeners) listener('');
  }

  async subscribe(_channel: string, listener: (message: string) => void): Promise<() => Promise<void>> {
    this.#listeners.add(listener);
    return async () => {
      this.#listeners.delete(listener);
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}

/** Leases within the process, which can be taken away. */
class LocalLeases implements Leases {
  #holder: AbortController | undefined;
  readonly #waiting: (() => void)[] = [];

  async acquire(_name: string, signal: AbortSignal): Promise<Lease> {
    while (this.#holder !== undefined) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal.addEventListener('abort', () => resolve());
      });
      signal.throwIfAborted();
    }
    const holder = new AbortController();
    this.#holder = holder;
    return { lost: holder.signal, release: async () => this.#free(holder) };
  }

  takeAway(): void {
    this.#holder?.abort();
  }

  #free(holder: AbortController): void {
    if (this.#holder === holder) this.#holder = undefined;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The journal, with a gate before every answer. */
class GatedJournal extends ArrayJournal {
  gate: Promise<void> = Promise.resolve();
  failure: Error | undefined;

  override async read(from: Place, limit: number): Promise<JournalSlice> {
    const slice = await super.read(from, limit);
    await this.gate;
    if (this.failure !== undefined) {
      const { failure } = this;
      this.failure = undefined;
      throw failure;
    }
    return slice;
  }
}

const ACCOUNT = '222222222222';
const SLOW: Partial<Pace> = { poll: 3_600_000, gather: 1, firstRetry: 1, lastRetry: 5, patience: 50 };

describe('A projector', { timeout: 30_000 }, () => {
  let bed: HistoryBed;
  let journal: GatedJournal;
  let pubsub: LocalPubSub;
  let leases: LocalLeases;
  let errors: Error[];
  const started: Projector[] = [];

  const projector = (projection: Projection = bed.open(), pace: Partial<Pace> = {}): Projector => {
    const parts = { projection, journal, pubsub, leases, onError: (error: Error) => errors.push(error) };
    const made = new Projector({ ...parts, pace: { ...SLOW, ...pace } });
    started.push(made);
    made.start();
    return made;
  };
  const add = (count: number, seed: number): void =>
    journal.add(...fc.sample(testEvent, { numRuns: count, seed }));
  const total = async (): Promise<number> =>
    (await bed.index.counts({ filter: { kind: 'all' }, accounts: 'ALL' })).total;
  const expected = async (): Promise<unknown> => {
    const other = await createHistoryBed();
    const copy = other.open();
    await copy.init();
    await copy.write(await journal.read({ epoch: 0, position: 0 }, 1_000_000));
    const content = await other.content();
    await copy.close();
    await other.remove();
    return content;
  };

  beforeEach(async () => {
    bed = await createHistoryBed();
    journal = new GatedJournal();
    pubsub = new LocalPubSub();
    leases = new LocalLeases();
    errors = [];
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((one) => one.stop()));
    await bed.remove();
  });

  it('brings its projection to the head, in slices', async () => {
    add(500, 1);
    const one = projector(undefined, { slice: 64 });
    await one.settled();
    expect(await bed.content()).toEqual(await expected());
    const { status, cursor, eventsBehind, secondsBehind, error } = one.state();
    expect({ status, cursor, eventsBehind, secondsBehind, error }).toEqual({
      status: 'RUNNING',
      cursor: { epoch: 0, position: 500 },
      eventsBehind: 0,
      secondsBehind: 0,
      error: undefined,
    });
    await one.stop();
    expect(one.state().status).toBe('IDLE');
    await expect(one.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('follows when the doorbell rings', async () => {
    const one = projector();
    await one.settled();
    add(10, 2);
    await pubsub.publish();
    await vi.waitFor(() => expect(one.state().cursor?.position).toBe(10), { timeout: 10_000 });
  });

  it('follows when the doorbell is not heard', async () => {
    const one = projector(undefined, { poll: 5 });
    await one.settled();
    add(10, 3);
    await vi.waitFor(() => expect(one.state().cursor?.position).toBe(10), { timeout: 10_000 });
  });

  it('stops where it cannot go on, shows why, keeps its cursor, and goes on when it can', async () => {
    const projection = bed.open();
    const one = projector(projection, { firstRetry: 20, lastRetry: 20 });
    add(50, 4);
    await one.settled();
    const refuse = vi.spyOn(projection, 'write').mockRejectedValue(new Error('the disk is full'));
    add(50, 5);
    await expect(one.settled()).rejects.toThrow('the disk is full');
    expect(one.state()).toMatchObject({ status: 'STOPPED', cursor: { position: 50 }, eventsBehind: 0 });
    expect(one.state().error?.message).toBe('the disk is full');
    expect(errors.length).toBeGreaterThan(0);
    expect(await total()).toBe(50);
    refuse.mockRestore();
    await vi.waitFor(() => expect(one.state()).toMatchObject({ status: 'RUNNING', error: undefined }), {
      timeout: 10_000,
    });
    await one.settled();
    expect(await total()).toBe(100);
  });

  it.each(['CORRUPT', 'CURSOR_EXPIRED'] as const)('begins anew after %s', async (code) => {
    const projection = bed.open();
    const one = projector(projection);
    add(100, 6);
    await one.settled();
    const failure = new CairnError(code, 'as if');
    if (code === 'CORRUPT') vi.spyOn(projection, 'write').mockRejectedValueOnce(failure);
    else journal.failure = failure;
    add(20, 7);
    await pubsub.publish();
    await vi.waitFor(() => expect(one.state().cursor?.position).toBe(120), { timeout: 10_000 });
    expect(errors.map((error) => error.message)).toEqual(['as if']);
    expect(await bed.content()).toEqual(await expected());
  });

  it('keeps what it shows when the journal is damaged further on', async () => {
    const projection = bed.open();
    const one = projector(projection);
    add(100, 6);
    await one.settled();
    const reset = vi.spyOn(projection, 'reset');
    const damaged = vi.spyOn(journal, 'read').mockRejectedValue(new CairnError('CORRUPT', 'a lost key'));
    add(20, 7);
    await expect(one.settled()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(one.state()).toMatchObject({ status: 'STOPPED', cursor: { position: 100 } });
    expect(await total()).toBe(100);
    damaged.mockRestore();
    await vi.waitFor(() => expect(one.state().cursor?.position).toBe(120), { timeout: 10_000 });
    expect(reset).not.toHaveBeenCalled();
    expect(await bed.content()).toEqual(await expected());
  });

  it('does not write what was read before an erasure', async () => {
    const one = projector();
    await one.settled();
    add(200, 8);
    const gate = Promise.withResolvers<void>();
    journal.gate = gate.promise;
    await pubsub.publish();
    await setImmediate();
    journal.erase({ account: ACCOUNT, before: undefined });
    const erased = one.erase({ account: ACCOUNT, before: undefined });
    gate.resolve();
    await erased;
    await one.settled();
    expect(await bed.content()).toEqual(await expected());
  });

  it('rebuilds while the old one answers and events and erasures come in', async () => {
    const one = projector(undefined, { slice: 50 });
    add(300, 9);
    await one.settled();
    const totals: number[] = [];
    const steps: (number | undefined)[] = [];
    const written = await one.rebuild(async ({ done, total: all }) => {
      steps.push(all);
      if (steps.length === 2) add(100, 10);
      if (steps.length === 3) {
        await one.settled();
        journal.erase({ account: ACCOUNT, before: undefined });
        await one.erase({ account: ACCOUNT, before: undefined });
      }
      expect(done).toBeGreaterThan(0);
      totals.push(await total());
    }, new AbortController().signal);
    expect(written).toBeGreaterThan(200);
    expect(Math.min(...totals)).toBeGreaterThanOrEqual(journal.all().length - 100);
    await one.settled();
    expect(await bed.content()).toEqual(await expected());
    expect(one.state().rebuilding).toBe(false);
  });

  it('gives a rebuild up when told, and can begin another', async () => {
    const one = projector(undefined, { slice: 50 });
    add(300, 11);
    await one.settled();
    const stop = new AbortController();
    const given = one.rebuild(async () => stop.abort(), stop.signal);
    await expect(given).rejects.toThrow(/abort/i);
    expect(one.state().rebuilding).toBe(false);
    expect(await bed.content()).toEqual(await expected());
    expect(await one.rebuild(async () => undefined, new AbortController().signal)).toBe(300);
    expect(await bed.content()).toEqual(await expected());
  });

  it('is one of several: the next takes over when it ends', async () => {
    const [first, second] = [projector(), projector()];
    add(30, 12);
    await first.settled();
    expect(second.state()).toMatchObject({ status: 'WAITING', cursor: undefined });
    expect([first.isElsewhere, second.isElsewhere]).toEqual([false, true]);
    await expect(second.erase({ account: ACCOUNT, before: undefined })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await first.stop();
    add(30, 13);
    await second.settled();
    expect(await total()).toBe(60);
    expect(await bed.content()).toEqual(await expected());
  });

  it('begins again with its projection when another process has begun to move it', async () => {
    const projection: HistoryProjection = bed.open();
    const opened = vi.spyOn(projection, 'init');
    const one = projector(projection, { poll: 5 });
    await one.settled();
    // For good, as far as writing goes: only another init helps.
    const write = projection.write.bind(projection);
    const taken = vi.spyOn(projection, 'write').mockImplementation(async (slice) => {
      if (opened.mock.calls.length === 1) throw new TakenOver('Another has begun.', undefined);
      return write(slice);
    });
    add(30, 15);
    await vi.waitFor(async () => expect(await total()).toBe(30), { timeout: 10_000 });
    await vi.waitFor(() => expect(one.state().status).toBe('RUNNING'), { timeout: 10_000 });
    expect([opened.mock.calls.length, taken.mock.calls.length]).toEqual([2, 2]);
    expect(errors.map(({ message }) => message)).toEqual(['Another has begun.']);
  });

  it('does not take its projection with a lease that is lost by then', async () => {
    const projection: HistoryProjection = bed.open();
    const opened = vi.spyOn(projection, 'init');
    const lost: boolean[] = [];
    opened.mockImplementationOnce(async () => {
      throw new Error('opened without a lease');
    });
    const acquire = leases.acquire.bind(leases);
    vi.spyOn(leases, 'acquire').mockImplementation(async (name, signal) => {
      const lease = await acquire(name, signal);
      if (lost.push(lost.length === 0) === 1) leases.takeAway();
      else opened.mockRestore();
      return lease;
    });
    add(30, 16);
    const one = projector(projection);
    await one.settled();
    expect(errors).toEqual([]);
    expect(lost).toEqual([true, false]);
    expect(await total()).toBe(30);
  });

  it('lets go of its projection when it loses the lease', async () => {
    const projection: HistoryProjection = bed.open();
    const closed = vi.spyOn(projection, 'close');
    const one = projector(projection);
    await one.settled();
    leases.takeAway();
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(1), { timeout: 10_000 });
    add(30, 14);
    await one.settled();
    expect(await total()).toBe(30);
    expect(errors).toEqual([]);
  });
});
