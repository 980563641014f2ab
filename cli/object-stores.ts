import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';

import type { DataLayout } from '#cli/data-folder';
import type { ObjectPlace } from '#cli/object-places';
import { objectPlaces } from '#cli/object-places';
import { CairnError } from '#domain/errors';
import type { AwsPatience } from '#platform/aws-client';
import type { Config } from '#platform/config';
import type { Log } from '#platform/log';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { ObjectReader, ObjectStore } from '#platform/objects/object-store';
import { ObjectStoreError } from '#platform/objects/s3/s3-error';
import type { S3Bucket } from '#platform/objects/s3/s3-bucket';
import type { S3ObjectStore } from '#platform/objects/s3/s3-object-store';

/** The stores of an installation, to write. */
export interface ObjectStores {
  readonly objects: ObjectStore;
  readonly keyObjects: ObjectStore;
  readonly anchor: ObjectStore;
  /** Whether objects and keys can be reached. Asks once in some seconds, whoever calls. */
  check(): Promise<void>;
  /** The same for the anchor: without it nothing is sealed. */
  checkAnchor(): Promise<void>;
  close(): void;
}

/** The stores of an installation, to look only; nothing is made where there is nothing. */
export interface ObjectReaders {
  readonly objects: ObjectReader;
  readonly keyObjects: ObjectReader;
  /** Undefined when there is no folder for it. */
  readonly anchor: ObjectReader | undefined;
}

type Layout = Pick<DataLayout, 'objects' | 'keys' | 'anchor'>;
type Use = 'objects' | 'keys' | 'anchor';

/** Keys are small: what takes longer is away, and senders wait behind it. */
const KEYS_PATIENCE: AwsPatience = { connectMs: 2_000, tryMs: 3_000, requestMs: 8_000 };
/** Milliseconds for which the answer of a check holds. */
const CHECKED_MS = 5_000;
/** What Object Lock is for: the log and its checkpoints. Tiles can be made from the log again. */
const LOCKED = /^(log|checkpoint)\//;

/**
 * INVALID_ARGUMENT when the bucket of the keys locks whatever is put: no erasure could destroy them.
 * @throws ServiceUnavailable, ObjectStoreError
 */
export async function openObjectStores(
  config: Config,
  layout: Layout,
  log?: Pick<Log, 'warn'>,
): Promise<ObjectStores> {
  const places = objectPlaces(config, layout);
  const buckets = new Buckets(config);
  const open = async (use: Use): Promise<{ store: ObjectStore; check: () => Promise<void> }> => {
    const place = places[use];
    if ('folder' in place) {
      const store = await DiskObjectStore.open(place.folder);
      return { store, check: () => access(place.folder, constants.W_OK) };
    }
    const store = await buckets.store(place, use);
    if (use === 'keys') await refuseLocked(store, place.bucket);
    if (use === 'objects') await removeLeftovers(store, log);
    return { store, check: () => store.check() };
  };
  const [objects, keys, anchor] = [await open('objects'), await open('keys'), await open('anchor')];
  return {
    objects: objects.store,
    keyObjects: keys.store,
    anchor: anchor.store,
    check: remembered(async () => {
      await Promise.all([objects.check(), keys.check()]);
    }),
    checkAnchor: remembered(anchor.check),
    close: () => buckets.close(),
  };
}

export async function openObjectReaders(config: Config, layout: Layout): Promise<ObjectReaders> {
  const places = objectPlaces(config, layout);
  const buckets = new Buckets(config);
  const open = async (use: Use): Promise<ObjectReader> => {
    const place = places[use];
    return 'folder' in place ? DiskObjectStore.existing(place.folder) : buckets.store(place, use);
  };
  const hasAnchor = !('folder' in places.anchor) || existsSync(places.anchor.folder);
  return {
    objects: await open('objects'),
    keyObjects: await open('keys'),
    anchor: hasAnchor ? await open('anchor') : undefined,
  };
}

/** The buckets that are in use, each with its connections. */
class Buckets {
  readonly #config: Config;
  readonly #open: S3Bucket[] = [];

  constructor(config: Config) {
    this.#config = config;
  }

  /** The SDK is loaded here: who needs no S3 does not wait for it. */
  async store(place: Exclude<ObjectPlace, { folder: string }>, use: Use): Promise<S3ObjectStore> {
    const { S3Bucket } = await import('#platform/objects/s3/s3-bucket');
    const { S3ObjectStore } = await import('#platform/objects/s3/s3-object-store');
    const { s3Endpoint, s3Region, s3PathStyle, s3Encryption, s3KmsKey } = this.#config;
    const pathStyle = s3PathStyle ?? s3Endpoint !== undefined;
    const bucket = new S3Bucket(
      { bucket: place.bucket, endpoint: s3Endpoint, region: s3Region, pathStyle },
      use === 'keys' ? KEYS_PATIENCE : undefined,
    );
    this.#open.push(bucket);
    return new S3ObjectStore(bucket, {
      prefix: place.prefix,
      encryption: s3Encryption && { algorithm: s3Encryption, keyId: s3KmsKey },
      lock: this.#lockFor(use),
      deletes: use === 'keys' ? 'all' : 'current',
    });
  }

  #lockFor(use: Use) {
    const { s3LockMode: mode, s3LockDays: days } = this.#config;
    if (mode === undefined || days === undefined || use === 'keys') return undefined;
    return { mode, days, covers: (key: string) => use === 'anchor' || LOCKED.test(key) };
  }

  close(): void {
    for (const bucket of this.#open) bucket.close();
  }
}

/** Where it is not allowed, or not known, a rule of the bucket may do it: no reason not to start. */
async function removeLeftovers(store: S3ObjectStore, log: Pick<Log, 'warn'> | undefined): Promise<void> {
  try {
    await store.removeLeftovers();
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
    log?.warn({ err: error }, 'parts of objects that a crash left in S3 cannot be removed');
  }
}

async function refuseLocked(store: S3ObjectStore, bucket: string): Promise<void> {
  if (!(await store.locksAll())) return;
  throw new CairnError(
    'INVALID_ARGUMENT',
    `The bucket ${bucket} locks everything that is put into it, so that no erasure could destroy a key: name another with CAIRN_S3_KEYS_BUCKET.`,
  );
}

/** Runs the check at most once in a while and for all that ask at the same time. */
function remembered(check: () => Promise<void>): () => Promise<void> {
  let last: { readonly at: number; readonly outcome: Promise<void> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > CHECKED_MS) last = { at: now, outcome: check() };
    return last.outcome;
  };
}
