import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  PutObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { beforeAll, describe, expect, test } from 'vitest';

import { describeObjectStore } from '#platform/objects/object-store.contract';
import { S3Bucket } from '#platform/objects/s3/s3-bucket';
import type { S3Place } from '#platform/objects/s3/s3-bucket';
import { S3ObjectStore } from '#platform/objects/s3/s3-object-store';
import type { S3StoreOptions } from '#platform/objects/s3/s3-object-store';
import { createBucket } from '#test/s3-bed';
import type { S3Bed } from '#test/s3-bed';
import { tamperingProxy } from '#test/tampering-proxy';
import type { Fate } from '#test/tampering-proxy';

const LARGE = 17 * 1024 * 1024;

let plain: S3Bed;
let versioned: S3Bed;
let locked: S3Bed;
let count = 0;
beforeAll(async () => {
  plain = await createBucket('s3');
  versioned = await createBucket('moto', { versions: true });
  locked = await createBucket('moto', { lock: true });
});

/** A store under a prefix of its own. */
function storeIn(place: S3Place, options: Partial<S3StoreOptions> = {}): S3ObjectStore {
  const prefix = `p${(count += 1)}/`;
  return new S3ObjectStore(new S3Bucket(place), { prefix, deletes: 'all', pageKeys: 100, ...options });
}

describeObjectStore('S3 (versitygw)', async () => storeIn(plain));
describeObjectStore('S3 (moto, with versions)', async () => storeIn(versioned));

test('stores with other prefixes of a bucket do not see one another', async () => {
  const [one, other] = [storeIn(plain, { prefix: 'one/' }), storeIn(plain, { prefix: 'one/o' })];
  await one.put('other', Buffer.from('x'));
  expect(await Array.fromAsync(other.list(''))).toEqual(['ther']);
  expect(await Array.fromAsync(storeIn(plain).list(''))).toEqual([]);
});

describe('a request that goes wrong', () => {
  /** What becomes of the first request that matches; all others pass. */
  function once(matches: (request: IncomingMessage) => boolean, fate: Fate) {
    let done = false;
    return (request: IncomingMessage): Fate => {
      if (done || !matches(request)) return 'pass';
      done = true;
      return fate;
    };
  }
  const isPut = ({ method }: IncomingMessage): boolean => method === 'PUT';
  const isGet = ({ method }: IncomingMessage): boolean => method === 'GET';
  const completes = ({ method, url }: IncomingMessage): boolean =>
    method === 'POST' && /uploadId=/.test(url ?? '');

  test('a put whose answer was lost has won', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, once(isPut, 'deaf'));
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    expect(await store.putIfAbsent('k', Buffer.from('mine'))).toBe(true);
    expect(proxy.seen.filter((line) => line.startsWith('PUT'))).toHaveLength(2);
    expect(await store.putIfAbsent('k', Buffer.from('mine'))).toBe(false);
  });

  test('a put that lost to another has lost, though its answer was lost too', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, once(isPut, 'deaf'));
    const [prefix, bytes] = ['lost/', Buffer.from('the same')];
    await storeIn(plain, { prefix }).put('k', bytes);
    const store = storeIn({ ...plain, endpoint: proxy.endpoint }, { prefix });
    expect(await store.putIfAbsent('k', bytes)).toBe(false);
  });

  test.each([true, false])(
    'a large put whose end was not answered is there (if absent: %s)',
    async (only) => {
      await using proxy = await tamperingProxy(plain.endpoint, once(completes, 'deaf'));
      const store = storeIn({ ...plain, endpoint: proxy.endpoint });
      const bytes = randomBytes(LARGE);
      if (only) expect(await store.putIfAbsent('k', bytes)).toBe(true);
      else await store.put('k', bytes);
      expect((await store.get('k'))?.equals(bytes)).toBe(true);
    },
  );

  test('another put at the same time is waited for', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, once(isPut, 409));
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    expect(await store.putIfAbsent('k', Buffer.from('x'))).toBe(true);
  });

  test.each(['cut', 'flip'] as const)('an answer that was damaged (%s) is asked for again', async (fate) => {
    await using proxy = await tamperingProxy(plain.endpoint, once(isGet, fate));
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    const bytes = randomBytes(2_000_000);
    await store.put('k', bytes);
    expect((await store.get('k'))?.equals(bytes)).toBe(true);
    expect(proxy.seen.filter((line) => line.startsWith('GET'))).toHaveLength(2);
  });

  test('a large put that fails leaves no parts behind', async () => {
    const isSecondPart = ({ url }: IncomingMessage): boolean => /partNumber=2/.test(url ?? '');
    await using proxy = await tamperingProxy(plain.endpoint, once(isSecondPart, 400));
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    await expect(store.put('k', randomBytes(LARGE))).rejects.toThrow('S3 refused s3:PutObject');
    const { Uploads } = await plain.client.send(new ListMultipartUploadsCommand({ Bucket: plain.bucket }));
    expect(Uploads ?? []).toEqual([]);
    expect(await store.get('k')).toBeUndefined();
  });

  test('parts that a crash left are removed when they are old', async () => {
    const bed = await createBucket('s3');
    const place = { Bucket: bed.bucket, Key: 'left/k' };
    await bed.client.send(new CreateMultipartUploadCommand(place));
    await bed.client.send(new CreateMultipartUploadCommand({ ...place, Key: 'other/k' }));
    const store = storeIn(bed, { prefix: 'left/' });
    expect(await store.removeLeftovers()).toBe(0);
    expect(await store.removeLeftovers(Date.now() + 2 * 86_400_000)).toBe(1);
    const { Uploads } = await bed.client.send(new ListMultipartUploadsCommand({ Bucket: bed.bucket }));
    expect(Uploads?.map(({ Key }) => Key)).toEqual(['other/k']);
  });

  test.each(['s3', 'moto'] as const)('those behind the first page, too (%s)', async (server) => {
    const bed = await createBucket(server);
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      await bed.client.send(new CreateMultipartUploadCommand({ Bucket: bed.bucket, Key: `left/${key}` }));
    const store = storeIn(bed, { prefix: 'left/', pageKeys: 2 });
    expect(await store.removeLeftovers(Date.now() + 2 * 86_400_000)).toBe(5);
    expect(await store.removeLeftovers(Date.now() + 2 * 86_400_000)).toBe(0);
  });

  test('a server that never answers, or is not there, is unavailable within the time set', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, () => 'mute');
    const patience = { connectMs: 500, tryMs: 100, requestMs: 300 };
    const bucket = new S3Bucket({ ...plain, endpoint: proxy.endpoint }, patience);
    const store = new S3ObjectStore(bucket, { prefix: '', deletes: 'all' });
    await expect(store.get('k')).rejects.toThrow('S3 cannot be reached');
    await expect(store.putIfAbsent('k', Buffer.from('x'))).rejects.toThrow('S3 cannot be reached');
    await proxy[Symbol.asyncDispose]();
    await expect(store.check()).rejects.toMatchObject({ name: 'ServiceUnavailable', service: 'S3' });
  });

  test('an overloaded server is unavailable, after some tries', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, () => 503);
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    await expect(store.get('k')).rejects.toMatchObject({ name: 'ServiceUnavailable' });
    expect(proxy.seen.length).toBeGreaterThan(1);
  });

  test('what is refused says which permission it needs, what is missing which bucket', async () => {
    await using proxy = await tamperingProxy(plain.endpoint, () => 403);
    const store = storeIn({ ...plain, endpoint: proxy.endpoint });
    await expect(store.put('k', Buffer.from('x'))).rejects.toThrow('denied s3:PutObject');
    await expect(store.get('k')).rejects.toThrow('s3:ListBucket');
    await expect(Array.fromAsync(store.list(''))).rejects.toThrow(`(bucket ${plain.bucket})`);
    await expect(storeIn({ ...plain, bucket: 'cairn-none' }).put('k', Buffer.from('x'))).rejects.toThrow(
      'There is no bucket cairn-none',
    );
  });
});

test('what others changed in the store is given as it is: the journal’s hashes tell', async () => {
  const store = storeIn(plain, { prefix: 'changed/' });
  await store.put('k', Buffer.from('right'));
  const { Metadata } = await plain.client.send(
    new HeadObjectCommand({ Bucket: plain.bucket, Key: 'changed/k' }),
  );
  const Body = Buffer.from('wrong');
  await plain.client.send(new PutObjectCommand({ Bucket: plain.bucket, Key: 'changed/k', Body, Metadata }));
  expect(String(await store.get('k'))).toBe('wrong');
});

test('every object is sent with its checksum', async () => {
  const checksums: unknown[] = [];
  await using proxy = await tamperingProxy(plain.endpoint, ({ method, headers }) => {
    if (method === 'PUT') checksums.push(headers['x-amz-checksum-sha256']);
    return 'pass';
  });
  const store = storeIn({ ...plain, endpoint: proxy.endpoint });
  await store.put('k', Buffer.from('hello'));
  await store.put('large', Buffer.alloc(LARGE));
  expect(checksums).toHaveLength(4);
  expect(checksums[0]).toBe('LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=');
  expect(checksums.every((checksum) => typeof checksum === 'string')).toBe(true);
});

test('a listing asks for a page only when it is read that far', async () => {
  await using proxy = await tamperingProxy(plain.endpoint, () => 'pass');
  const store = storeIn({ ...plain, endpoint: proxy.endpoint });
  await store.put('a', Buffer.from('x'));
  const before = proxy.seen.length;
  for await (const key of store.list('')) {
    expect(key).toBe('a');
    break;
  }
  expect(proxy.seen.length - before).toBe(1);
});

describe('server-side encryption', () => {
  test.each([
    [{ algorithm: 'AES256', keyId: undefined }, 'AES256', undefined],
    [{ algorithm: 'aws:kms', keyId: 'alias/cairn' }, 'aws:kms', 'alias/cairn'],
  ] as const)('%j is asked for, in parts too', async (encryption, algorithm, keyId) => {
    const prefix = `sse-${algorithm}/`;
    const store = storeIn(versioned, { encryption, prefix });
    await store.put('k', Buffer.from('x'));
    await store.putIfAbsent('large', Buffer.alloc(LARGE));
    for (const key of ['k', 'large']) {
      const head = await versioned.client.send(
        new HeadObjectCommand({ Bucket: versioned.bucket, Key: prefix + key }),
      );
      expect(head.ServerSideEncryption).toBe(algorithm);
      expect(head.SSEKMSKeyId).toBe(keyId);
    }
  });
});

describe('versions and locks', () => {
  async function versionsOf(bed: S3Bed, prefix: string): Promise<number> {
    const { Versions = [], DeleteMarkers = [] } = await bed.client.send(
      new ListObjectVersionsCommand({ Bucket: bed.bucket, Prefix: prefix }),
    );
    return Versions.length + DeleteMarkers.length;
  }

  test('a delete leaves no version of the key, and all of its neighbours', async () => {
    const store = storeIn(versioned, { prefix: 'v/' });
    for (const key of ['k', 'k2'])
      for (const text of ['1', '2', '3']) await store.put(key, Buffer.from(text));
    await store.delete('k');
    expect(await versionsOf(versioned, 'v/k')).toBe(3);
    expect(String(await store.get('k2'))).toBe('3');
    // As a crash leaves it: hidden, and not gone.
    await versioned.client.send(
      new PutObjectCommand({ Bucket: versioned.bucket, Key: 'v/k', Body: Buffer.from('4') }),
    );
    await storeIn(versioned, { prefix: 'v/', deletes: 'current' }).delete('k');
    await store.delete('k');
    expect(await versionsOf(versioned, 'v/k')).toBe(3);
  });

  const lock = { mode: 'COMPLIANCE', days: 30, covers: (key: string) => key.startsWith('log/') } as const;

  test('locks what is to be locked, in parts too, and nothing else', async () => {
    const prefix = 'lock/';
    const bed = await createBucket('s3', { lock: true });
    const store = storeIn(bed, { lock, prefix });
    await store.putIfAbsent('log/small', Buffer.from('x'));
    await store.putIfAbsent('log/large', Buffer.alloc(LARGE));
    await store.putIfAbsent('tile/0', Buffer.from('x'));
    for (const key of ['log/small', 'log/large']) {
      const head = await bed.client.send(new HeadObjectCommand({ Bucket: bed.bucket, Key: prefix + key }));
      expect(head.ObjectLockMode).toBe('COMPLIANCE');
      const days = ((head.ObjectLockRetainUntilDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      expect(Math.round(days)).toBe(30);
    }
    const tile = await bed.client.send(new HeadObjectCommand({ Bucket: bed.bucket, Key: `${prefix}tile/0` }));
    expect(tile.ObjectLockMode).toBeUndefined();
  });

  test('a locked version stays behind its marker, or fails the delete that must destroy', async () => {
    const prefix = 'held/';
    const store = storeIn(locked, { lock, prefix, deletes: 'current' });
    await store.putIfAbsent('log/k', Buffer.from('x'));
    await store.delete('log/k');
    expect(await store.get('log/k')).toBeUndefined();
    expect(await versionsOf(locked, `${prefix}log/k`)).toBe(2);
    const strict = storeIn(locked, { lock, prefix });
    await strict.putIfAbsent('log/k', Buffer.from('y'));
    await expect(strict.delete('log/k')).rejects.toThrow('s3:DeleteObjectVersion');
  });

  test('who may not look at versions can hide an object, but not destroy it', async () => {
    const isVersions = ({ url }: IncomingMessage): boolean => /[?&]versions/.test(url ?? '');
    await using proxy = await tamperingProxy(versioned.endpoint, (request) =>
      isVersions(request) ? 403 : 'pass',
    );
    const place = { ...versioned, endpoint: proxy.endpoint };
    const store = storeIn(place, { deletes: 'current' });
    await store.put('k', Buffer.from('x'));
    await store.delete('k');
    expect(await store.get('k')).toBeUndefined();
    const strict = storeIn(place);
    await strict.put('k', Buffer.from('x'));
    await expect(strict.delete('k')).rejects.toThrow('s3:ListBucketVersions');
  });

  test('a bucket without Object Lock says so, and one that locks by itself is known', async () => {
    await expect(storeIn(plain, { lock }).putIfAbsent('log/k', Buffer.from('x'))).rejects.toThrow(
      'The bucket has no Object Lock',
    );
    expect(await storeIn(plain).locksAll()).toBe(false);
    expect(await storeIn(locked).locksAll()).toBe(false);
    const bed = await createBucket('moto', { lock: true });
    await bed.client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: bed.bucket,
        ObjectLockConfiguration: {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } },
        },
      }),
    );
    expect(await storeIn(bed).locksAll()).toBe(true);
  });
});
