import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CheckpointPublisher, type RecordSource } from '#journal/checkpoint-publisher';
import { encodeRecord, recordLeaf } from '#journal/format/record';
import { signKeyRecord } from '#journal/record-signatures';
import { createSigningKey } from '#journal/signing-key';
import { TILE_WIDTH } from '#journal/tiles';
import type { KeyProvider } from '#platform/keys';
import { MemoryObjects } from '#test/memory-objects';

/** Two full tiles and some. */
const SIZE = 2 * TILE_WIDTH + 40;
const LOG = Buffer.from('0f5d1c9a6b3e4a7f8c2d1e0f9a8b7c6d', 'hex');

/** Keys that are not wrapped at all. */
const keys: KeyProvider = {
  wrap: (key) => Promise.resolve(Buffer.from(key)),
  unwrap: (wrapped) => Promise.resolve(Buffer.from(wrapped)),
  derive: () => Buffer.alloc(32),
};

interface Stored {
  readonly record: Buffer;
  readonly leaf: Buffer;
}

/** A log whose records are rows, as far as a publisher can tell, and how many of them it was given. */
class Rows implements RecordSource {
  readonly all: readonly Stored[];
  count = 0;
  /** How often the first record was asked for. */
  fromStart = 0;

  constructor(all: readonly Stored[]) {
    this.all = all;
  }

  recordsFrom(sequence: number): Promise<readonly Stored[]> {
    if (sequence === 0) this.fromStart++;
    return Promise.resolve(this.all.slice(sequence, Math.min(this.count, sequence + 1000)));
  }

  recordCount(): Promise<number> {
    return Promise.resolve(this.count);
  }

  keyRecords(): Promise<readonly Buffer[]> {
    const seen = this.all.slice(0, this.count);
    return Promise.resolve(seen.map(({ record }) => record).filter((record) => record.readUInt8(0) === 4));
  }
}

/** A key record, another in the middle, and erasures between. */
async function makeLog(keyObjects: MemoryObjects): Promise<readonly Stored[]> {
  const [first, second] = [
    await createSigningKey(keyObjects, keys),
    await createSigningKey(keyObjects, keys),
  ];
  const all: Stored[] = [];
  let previous: Buffer = Buffer.alloc(32);
  for (let sequence = 0; sequence < SIZE; sequence++) {
    const place = { log: LOG, epoch: 0, sequence, previous, time: sequence };
    const fields = { account: sequence, before: 0, upTo: 0, keys: 0, keyListHash: randomBytes(32) };
    const isSecond = sequence === TILE_WIDTH + 7;
    const record =
      sequence === 0 || isSecond
        ? signKeyRecord(place, isSecond ? second : first, isSecond ? first : undefined)
        : encodeRecord(place, { kind: 'erasure', ...fields });
    previous = recordLeaf(record);
    all.push({ record, leaf: previous });
  }
  return all;
}

/** Publishes `count` records over the stores with a publisher of its own; whether it read them all. */
async function publish(
  { rows, keyObjects }: Log,
  count: number,
  stores: { readonly objects: MemoryObjects; readonly anchor: MemoryObjects },
  shortLog = 1,
): Promise<{ readonly readAll: boolean }> {
  rows.count = count;
  rows.fromStart = 0;
  const deps = { ...stores, keyObjects, keys, step: () => undefined };
  const publisher = new CheckpointPublisher({ ...deps, shortLog });
  await publisher.catchUp(rows);
  publisher.checkNothingLost();
  // The first record tells the log's name in any case.
  return { readAll: rows.fromStart > 1 };
}

interface Log {
  readonly rows: Rows;
  readonly keyObjects: MemoryObjects;
}

async function createLog(): Promise<Log> {
  const keyObjects = new MemoryObjects();
  return { rows: new Rows(await makeLog(keyObjects)), keyObjects };
}

const emptyStores = () => ({ objects: new MemoryObjects(), anchor: new MemoryObjects() });

/** A store whose requests fail once: that one which makes `left` zero. */
class OnceAway extends MemoryObjects {
  readonly #patience: { left: number };

  constructor(objects: MemoryObjects, patience: { left: number }) {
    super(objects.objects);
    this.#patience = patience;
  }

  #ask(): void {
    if (--this.#patience.left === 0) throw new Error('away');
  }

  override async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.#ask();
    return super.putIfAbsent(key, bytes);
  }

  override async get(key: string): Promise<Buffer | undefined> {
    this.#ask();
    return super.get(key);
  }

  override async *list(prefix: string, after = ''): AsyncGenerator<string> {
    this.#ask();
    yield* super.list(prefix, after);
  }
}

describe('a publisher whose stores are away for one request, whichever', () => {
  it.each([
    { before: 2, shortLog: SIZE },
    { before: 3, shortLog: 1 },
    { before: 6, shortLog: SIZE },
  ])('goes on where it was: $before records before', async ({ before, shortLog }) => {
    const log = await createLog();
    const [published, expected] = [emptyStores(), emptyStores()];
    await publish(log, before, published);
    await publish(log, 6, expected);
    let failures = 0;
    for (let request = 1, failed = true; failed; request++) {
      const patience = { left: request };
      const stores = {
        objects: new OnceAway(published.objects.clone(), patience),
        anchor: new OnceAway(published.anchor.clone(), patience),
      };
      const deps = { ...stores, keyObjects: log.keyObjects, keys, step: () => undefined, shortLog };
      const publisher = new CheckpointPublisher(deps);
      failed = await publisher.catchUp(log.rows).then(
        () => false,
        () => true,
      );
      if (failed) failures++;
      await publisher.catchUp(log.rows);
      expect(stores.objects.objects, `request ${request}`).toEqual(expected.objects.objects);
      expect(stores.anchor.objects).toEqual(expected.anchor.objects);
    }
    expect(failures).toBeGreaterThan(2);
  });
});

describe('a publisher that starts in the middle of a log', () => {
  it('publishes what one that has read every record would, wherever it begins', async () => {
    const log = await createLog();
    const [stores, expected] = [emptyStores(), emptyStores()];
    for (const count of [1, 2, 3, 200, 255, 256, 257, 263, 264, 511, 512, 513, SIZE]) {
      const { readAll } = await publish(log, count, stores);
      // The record of the checkpoint that the second goes on from is the first.
      expect(readAll, String(count)).toBe(count <= 2);
    }
    await publish(log, SIZE, expected, SIZE + 1);
    expect(stores.objects.objects).toEqual(expected.objects.objects);
    expect(stores.anchor.objects).toEqual(expected.anchor.objects);
  });

  it.each(['tile/0/002.p/39', 'tile/1/000.p/2', 'tile/entries/002.p/39'])(
    'reads every record when %s is not as it was',
    async (key) => {
      const log = await createLog();
      const stores = emptyStores();
      await publish(log, SIZE - 1, stores);
      for (const wrong of [undefined, Buffer.alloc(stores.objects.objects.get(key)?.length ?? 0, 7)]) {
        const damaged = { objects: stores.objects.clone(), anchor: stores.anchor.clone() };
        if (wrong === undefined) damaged.objects.objects.delete(key);
        else damaged.objects.objects.set(key, wrong);
        expect(await publish(log, SIZE, damaged)).toEqual({ readAll: true });
        const bundle = damaged.objects.objects.get('tile/entries/002.p/40');
        expect(bundle?.subarray(-(log.rows.all.at(-1)?.record.length ?? 0))).toEqual(
          log.rows.all.at(-1)?.record,
        );
      }
    },
  );

  it('reads every record, and says what is wrong, when a checkpoint is of another log', async () => {
    const log = await createLog();
    for (const where of ['objects', 'anchor'] as const) {
      const stores = emptyStores();
      await publish(log, SIZE - 1, stores);
      const newest =
        [...stores[where].objects.keys()].toSorted().find((key) => key.endsWith(`0${SIZE - 1}`)) ?? '';
      stores[where].objects.set(newest, Buffer.from('another log'));
      await expect(publish(log, SIZE, stores)).rejects.toMatchObject({
        code: 'CORRUPT',
        message: /checkpoint of 551 records in the (store|anchor) is not one of this log/,
      });
    }
  });

  it('notices records that are gone', async () => {
    const log = await createLog();
    const stores = emptyStores();
    await publish(log, SIZE, stores);
    await expect(publish(log, SIZE - 20, stores)).rejects.toMatchObject({ code: 'CORRUPT' });
  });
});
