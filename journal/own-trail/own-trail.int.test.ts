import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject } from '#domain/event';
import { readRecord } from '#domain/event-parse';
import type { OwnCallRule } from '#domain/own-events';
import type { OpenJournal } from '#journal/journal';
import { type DrainParts, OwnTrailDrain } from '#journal/own-trail/drain';
import { type AskedField, OwnTrail } from '#journal/own-trail/own-trail';
import { OwnEventStore } from '#journal/own-trail/store';
import type { JournalEvent, Place } from '#journal/types';
import { createJournalBed, type JournalBed } from '#test/journal-bed';

const A = '111111111111';
const B = '222222222222';
const RULE: OwnCallRule = {
  request: ['input.name'],
  response: ['account.id'],
  accounts: ['request.input.accounts'],
};

let bed: JournalBed;
let journal: OpenJournal;
let store: OwnEventStore;
let trail: OwnTrail;
let logged: string[];
let start: Place;

beforeAll(async () => {
  bed = await createJournalBed();
  journal = await bed.open();
  store = new OwnEventStore(bed.pool);
  await bed.pool.query(`INSERT INTO account (id, name) VALUES ('${A}', 'a'), ('${B}', 'b')`);
});
afterAll(() => bed[Symbol.asyncDispose]());
beforeEach(async () => {
  await bed.pool.query('TRUNCATE own_event');
  start = await journal.head();
  logged = [];
  trail = new OwnTrail({
    store,
    now: Date.now,
    nameOf: async () => 'Ada',
    ring: () => undefined,
    log: { error: (_, message) => void logged.push(message) },
  });
});

function asked(name: string, accounts: readonly string[] = [A]): AskedField {
  const principal = { keyId: 'k1', role: 'administrator', accounts: 'ALL' } as const;
  const caller = { principal, requestId: 'r', clientAddress: '192.0.2.7' };
  return { field: 'updateAccount', caller, args: { input: { name, accounts } }, rule: RULE };
}

function drainOf(parts: Partial<DrainParts> = {}): OwnTrailDrain {
  const onError = (error: unknown): void => {
    throw error;
  };
  return new OwnTrailDrain({ store, journal, onError, ...parts });
}

async function recorded(): Promise<readonly JournalEvent[]> {
  return (await journal.read(start, 1_000)).events;
}

async function records(): Promise<readonly JsonObject[]> {
  return (await recorded()).map(({ raw }) => readRecord(raw));
}

async function rows(): Promise<number> {
  return (await bed.pool.query('SELECT 1 FROM own_event')).rowCount ?? 0;
}

describe('a call', () => {
  it('stands as begun before it is done, and in the journal once it has ended', async () => {
    const begun = await trail.begin(asked('one'));
    expect(await drainOf().drain()).toBe(0);
    expect(await rows()).toBe(1);
    await begun.end({ result: { account: { id: A } } });
    expect(await drainOf().drain()).toBe(1);
    expect(await rows()).toBe(0);
    const [event] = await recorded();
    expect(event).toMatchObject({ account: A, source: 'cairn' });
    expect(await records()).toEqual([
      expect.objectContaining({
        eventName: 'UpdateAccount',
        requestParameters: { input: { name: 'one' } },
        responseElements: { account: { id: A } },
      }),
    ]);
    expect((await records())[0]).not.toHaveProperty('errorCode');
  });

  it('survives the death of its process, and is told with an outcome that nobody knows', async () => {
    const script = ['--conditions=source', 'test/children/own-call.ts', bed.database.url];
    const child = spawn(process.execPath, script, { stdio: 'inherit' });
    const [, signal] = await once(child, 'exit');
    expect(signal).toBe('SIGKILL');
    const { rows: accounts } = await bed.pool.query(`SELECT name FROM account WHERE id = '${A}'`);
    expect(accounts).toEqual([{ name: 'done' }]);
    expect(await drainOf().drain()).toBe(0);
    expect(await drainOf({ giveUpMs: 0 }).drain()).toBe(1);
    expect(await records()).toEqual([
      expect.objectContaining({
        eventName: 'UpdateAccount',
        errorCode: 'OutcomeUnknown',
        requestParameters: { input: { id: A, name: 'done' } },
      }),
    ]);
  });

  it('that ends after it was given up is told once, and the log says so', async () => {
    const begun = await trail.begin(asked('late'));
    await drainOf({ giveUpMs: 0 }).drain();
    await begun.end({ result: {} });
    await drainOf().drain();
    expect(await records()).toHaveLength(1);
    expect(logged).toEqual([expect.stringContaining('ended after')]);
  });

  it('that was refused leaves nothing when it is withdrawn', async () => {
    await (await trail.begin(asked('refused'))).withdraw();
    await drainOf({ giveUpMs: 0 }).drain();
    expect(await records()).toEqual([]);
  });

  it('is refused while it cannot be recorded: the table is full, or away', async () => {
    await bed.pool.query(
      `INSERT INTO own_event (id, state, accounts, event_time, record)
       SELECT gen_random_uuid(), 'BEGUN', '{}', 0, '{}' FROM generate_series(1, 20000)`,
    );
    await expect(trail.begin(asked('full'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await bed.pool.query('ALTER TABLE own_event RENAME TO gone');
    try {
      await expect(trail.begin(asked('away'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    } finally {
      await bed.pool.query('ALTER TABLE gone RENAME TO own_event');
    }
  });

  it('is the installation’s where its account does not exist', async () => {
    await (await trail.begin(asked('nowhere', ['999999999999']))).end({ result: {} });
    await drainOf().drain();
    expect(await recorded()).toEqual([expect.objectContaining({ account: '000000000000' })]);
  });
});

describe('the drain', () => {
  it('gives what a crash has left a second time, and nothing is there twice', async () => {
    await (await trail.begin(asked('both', [A, B]))).end({ result: {} });
    const crashed = new Error('killed between append and delete');
    const step = (): never => {
      throw crashed;
    };
    await expect(drainOf({ step }).drain()).rejects.toBe(crashed);
    expect(await rows()).toBe(1);
    expect(await recorded()).toHaveLength(2);
    expect(await drainOf().drain()).toBe(1);
    expect(await recorded()).toHaveLength(2);
    expect((await recorded()).map(({ account }) => account)).toEqual([A, B]);
    const own = (await journal.counters()).find(({ source }) => source === 'cairn');
    expect(own?.duplicate).toBe(2);
    expect(own?.conflict).toBe(0);
  });

  it('keeps the order of an account, and two of them do not get into each other’s way', async () => {
    for (let index = 0; index < 450; index++) {
      await trail.note({ eventName: `Event${index}`, accounts: [A], details: {} });
    }
    const drained = await Promise.all([drainOf().drain(), drainOf().drain()]);
    expect(drained[0] + drained[1]).toBe(450);
    const names = (await records()).map(({ eventName }) => eventName);
    expect(names).toEqual(Array.from({ length: 450 }, (_, index) => `Event${index}`));
  });

  it('goes on by itself after the journal refused, and takes the rest along when it stops', async () => {
    let refusals = 1;
    const errors: unknown[] = [];
    const drain = drainOf({
      journal: {
        append: (submission) =>
          refusals-- > 0 ? Promise.reject(new Error('full')) : journal.append(submission),
      },
      onError: (error) => void errors.push(error),
    });
    await trail.note({ eventName: 'First', details: {} });
    drain.start();
    await expect.poll(() => records(), { timeout: 10_000 }).toHaveLength(1);
    expect(errors).toHaveLength(1);
    await trail.note({ eventName: 'Last', details: {} });
    await drain.stop();
    expect((await records()).map(({ eventName }) => eventName)).toEqual(['First', 'Last']);
  });

  it('is rung awake', async () => {
    const drain = drainOf({ pollMs: 60_000 });
    drain.start();
    await trail.note({ eventName: 'Rung', details: {} });
    drain.ring();
    await expect.poll(() => records(), { timeout: 10_000, interval: 20 }).toHaveLength(1);
    await drain.stop();
  });
});
