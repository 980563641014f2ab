import { HeadObjectCommand, PutObjectLockConfigurationCommand } from '@aws-sdk/client-s3';
import type { IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';

import { layoutOf } from '#cli/data-folder';
import { openMasterKey } from '#cli/master-key';
import { openObjectReaders, openObjectStores } from '#cli/object-stores';
import type { ObjectStores } from '#cli/object-stores';
import { openJournal } from '#journal/journal';
import type { JournalDeps, OpenJournal } from '#journal/journal';
import type { Place } from '#journal/types';
import { verifyJournal } from '#journal/verify/verify';
import type { Config } from '#platform/config';
import { loadConfig } from '#platform/config';
import { createLog } from '#platform/log';
import { createTestDatabase } from '#test/harness';
import { appendEvents, testEvent } from '#test/log-bed';
import { LocalPubSub } from '#test/local-pubsub';
import { createBucket, createKmsKey } from '#test/s3-bed';
import type { S3Bed } from '#test/s3-bed';
import { services } from '#test/services';
import { tamperingProxy } from '#test/tampering-proxy';

const LAYOUT = layoutOf('/nowhere');
const ACCOUNTS = ['111122223333', '444455556666'] as const;
const TIME = Date.UTC(2026, 9, 5);

let bed: S3Bed;
beforeAll(async () => {
  bed = await createBucket('s3', { lock: true });
});

/** Everything in one bucket, under prefixes that no other test has. */
function configOf(prefix: string, more: Record<string, string> = {}): Config {
  return loadConfig({
    CAIRN_S3_BUCKET: bed.bucket,
    CAIRN_S3_ENDPOINT: bed.endpoint,
    CAIRN_S3_PREFIX: prefix,
    CAIRN_ANCHOR: `s3://${bed.bucket}/${prefix}/anchor`,
    ...more,
  });
}

async function open(config: Config): Promise<ObjectStores> {
  const stores = await openObjectStores(config, layoutOf('/nowhere', config.anchorDir));
  onTestFinished(() => stores.close());
  return stores;
}

/** How many events of which account can be read. */
async function accountsIn(journal: OpenJournal): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const head = await journal.head();
  for (let next: Place = { epoch: 0, position: 0 }; next.position < head.position;) {
    const slice = await journal.read(next, 1_000);
    for (const { account } of slice.events) counts[account] = (counts[account] ?? 0) + 1;
    next = slice.next;
  }
  return counts;
}

const LOCK = { CAIRN_S3_LOCK_MODE: 'COMPLIANCE', CAIRN_S3_LOCK_DAYS: '1' };

test('locks log, checkpoints and anchor where it is asked for, and never a key', async () => {
  const { objects, keyObjects, anchor } = await open(configOf('locks', LOCK));
  await objects.put('log/0/0', Buffer.from('x'));
  await objects.put('checkpoint/1', Buffer.from('x'));
  await objects.put('tile/0/000', Buffer.from('x'));
  await keyObjects.put('signing/00', Buffer.from('x'));
  await anchor.put('log/1', Buffer.from('x'));
  const isLocked = async (key: string): Promise<boolean> => {
    const head = await bed.client.send(new HeadObjectCommand({ Bucket: bed.bucket, Key: `locks/${key}` }));
    return head.ObjectLockMode === 'COMPLIANCE';
  };
  expect(await isLocked('objects/log/0/0')).toBe(true);
  expect(await isLocked('objects/checkpoint/1')).toBe(true);
  expect(await isLocked('anchor/log/1')).toBe(true);
  expect(await isLocked('objects/tile/0/000')).toBe(false);
  expect(await isLocked('keys/signing/00')).toBe(false);
});

test('refuses a bucket for keys that locks all by itself', async () => {
  const keys = await createBucket('moto', { lock: true });
  const ObjectLockConfiguration = {
    ObjectLockEnabled: 'Enabled' as const,
    Rule: { DefaultRetention: { Mode: 'GOVERNANCE' as const, Days: 1 } },
  };
  await keys.client.send(
    new PutObjectLockConfigurationCommand({ Bucket: keys.bucket, ObjectLockConfiguration }),
  );
  const config = configOf('refused', { CAIRN_S3_BUCKET: keys.bucket, CAIRN_S3_ENDPOINT: keys.endpoint });
  await expect(openObjectStores(config, LAYOUT)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining('CAIRN_S3_KEYS_BUCKET'),
  });
});

test('a check says that the bucket is there, and asks for it once for all who ask', async () => {
  await using proxy = await tamperingProxy(bed.endpoint, () => 'pass');
  const stores = await open(configOf('check', { CAIRN_S3_ENDPOINT: proxy.endpoint }));
  const before = proxy.seen.length;
  await Promise.all([stores.check(), stores.check(), stores.check()]);
  expect(proxy.seen.length - before).toBe(2);
  const missing = configOf('check', { CAIRN_S3_BUCKET: 'test-none', CAIRN_S3_KEYS_BUCKET: bed.bucket });
  await expect((await open(missing)).check()).rejects.toThrow('bucket test-none');
});

test('says once that a crash’s leftovers may not be looked for, and starts', async () => {
  const isListing = ({ url }: IncomingMessage): boolean => /[?&]uploads/.test(url ?? '');
  await using proxy = await tamperingProxy(bed.endpoint, (request) => (isListing(request) ? 403 : 'pass'));
  const config = configOf('denied', { CAIRN_S3_ENDPOINT: proxy.endpoint });
  const warned: string[] = [];
  const stream = { write: (line: string) => void warned.push(line) };
  const log = createLog({ level: 'warn', name: 'test', stream });
  const stores = await openObjectStores(config, layoutOf('/nowhere', config.anchorDir), log);
  onTestFinished(() => stores.close());
  expect(warned).toEqual([expect.stringContaining('a crash left in S3 cannot be removed')]);
});

test('an anchor that is away is said, apart from objects and keys', async () => {
  const prefix = 'anchor-away';
  const anchor = `s3://test-none/${prefix}`;
  const stores = await open(configOf(prefix, { CAIRN_ANCHOR: anchor }));
  await expect(stores.check()).resolves.toBeUndefined();
  await expect(stores.checkAnchor()).rejects.toThrow('bucket test-none');
});

describe('a journal in S3 under a key of AWS KMS', () => {
  test('is written, sealed, erased and verified; nothing but its keys can be destroyed', async () => {
    const { CAIRN_MASTER_KEY, ...kms } = await createKmsKey();
    const config = configOf('journal', { ...LOCK, ...kms, CAIRN_MASTER_KEY });
    const layout = layoutOf('/nowhere', config.anchorDir);
    const stores = await open(config);
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const deps: JournalDeps = {
      ...stores,
      pool: database.pool,
      keys: await openMasterKey(config, layout, stores.keyObjects),
      pubsub: new LocalPubSub(),
      log: createLog({ level: 'silent', name: 'test' }),
    };
    const journal = await openJournal(deps);
    for (let round = 0; round < 2; round++) {
      const events = Array.from({ length: 200 }, (_, at) =>
        testEvent(ACCOUNTS[at % 2] ?? '', round * 200 + at, { time: TIME, bytes: 2_000 }),
      );
      await appendEvents(journal, events);
      await journal.sealer.sealTail({ force: true });
    }
    const readers = await openObjectReaders(config, layout);
    const keys = await openMasterKey(config, layout, stores.keyObjects);
    const verify = () =>
      verifyJournal({ ...readers, keys, ...(readers.anchor && { anchor: readers.anchor }) });
    expect(await verify()).toMatchObject({ ok: true, events: 400, erased: 0, findings: [] });

    await journal.erase({ account: ACCOUNTS[0], before: undefined });
    expect(await verify()).toMatchObject({ ok: true, erased: 200 });
    expect(await Array.fromAsync(stores.keyObjects.list(ACCOUNTS[0]))).toEqual([]);
    expect(await accountsIn(journal)).toEqual({ [ACCOUNTS[1]]: 200 });
    await journal.close();

    // Another process on other rows: all is rebuilt from what lies in S3.
    const second = await createTestDatabase();
    onTestFinished(() => second.drop());
    const again = await openJournal({ ...deps, pool: second.pool });
    expect(await accountsIn(again)).toEqual({ [ACCOUNTS[1]]: 200 });
    await again.close();
    // Verify without the master key: hashes, and the lengths of what KMS wrapped.
    expect(await verifyJournal(readers)).toMatchObject({ ok: true, findings: expect.anything() });
  });

  test('takes events for accounts whose keys it has while KMS is away', async () => {
    const { CAIRN_MASTER_KEY } = await createKmsKey();
    let isAway = false;
    await using proxy = await tamperingProxy(services().moto.endpoint, () => (isAway ? 503 : 'pass'));
    const config = configOf('away', { CAIRN_MASTER_KEY, CAIRN_KMS_ENDPOINT: proxy.endpoint });
    const layout = layoutOf('/nowhere', config.anchorDir);
    const stores = await open(config);
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const keys = await openMasterKey(config, layout, stores.keyObjects);
    const log = createLog({ level: 'silent', name: 'test' });
    const deps = { ...stores, pool: database.pool, keys, pubsub: new LocalPubSub(), log };
    const journal = await openJournal(deps);
    await appendEvents(journal, [testEvent(ACCOUNTS[0], 1, { time: TIME })]);
    isAway = true;
    const outcomes = await appendEvents(journal, [testEvent(ACCOUNTS[0], 2, { time: TIME })]);
    expect(outcomes).toMatchObject([{ result: 'RECORDED' }]);
    await expect(appendEvents(journal, [testEvent(ACCOUNTS[1], 3, { time: TIME })])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      cause: { service: 'KMS' },
    });
    await expect(openMasterKey(config, layout, stores.keyObjects)).rejects.toThrow('KMS cannot be reached');
    isAway = false;
    await journal.close();
    const later = await openJournal(deps);
    expect(await appendEvents(later, [testEvent(ACCOUNTS[1], 3, { time: TIME })])).toMatchObject([
      { result: 'RECORDED' },
    ]);
    await later.close();
  });

  test('refuses another key, and a file in place of the key', async () => {
    const first = await createKmsKey();
    const config = configOf('other', first);
    const layout = layoutOf('/nowhere', config.anchorDir);
    const { keyObjects } = await open(config);
    const keys = await openMasterKey(config, layout, keyObjects);
    await keyObjects.put('signing/00', await keys.wrap(Buffer.alloc(32), 'signing/00'));
    await expect(
      openMasterKey(configOf('other', await createKmsKey()), layout, keyObjects),
    ).rejects.toThrow();
    await expect(openMasterKey(configOf('other'), layout, keyObjects)).rejects.toThrow(
      'or set CAIRN_MASTER_KEY as it was',
    );
    await keyObjects.delete('master/root');
    await expect(openMasterKey(config, layout, keyObjects)).rejects.toThrow('wrapped secret');
  });
});
