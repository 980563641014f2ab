import {
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput, HeadObjectCommandOutput } from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';

import { checkRange } from '#platform/objects/byte-range';
import { checkObjectKey } from '#platform/objects/object-key';
import type { ByteRange, ObjectStore } from '#platform/objects/object-store';
import { hasSha256, readBody } from '#platform/objects/s3/s3-body';
import type { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { ObjectStoreError } from '#platform/objects/s3/s3-error';
import { removeLeftovers } from '#platform/objects/s3/s3-parts';
import { notesOf, S3Put } from '#platform/objects/s3/s3-put';
import type { S3Encryption, S3Lock } from '#platform/objects/s3/s3-put';
import { destroyVersions } from '#platform/objects/s3/s3-versions';
import { awsFailure, causeOf, ServiceUnavailable } from '#platform/service-unavailable';

export interface S3StoreOptions {
  /** Before every key: empty, or ending with a slash. */
  readonly prefix: string;
  readonly encryption?: S3Encryption | undefined;
  readonly lock?: S3Lock | undefined;
  /** `all`: a delete fails unless no version is left; `current`: versions that a lock holds may stay behind. */
  readonly deletes: 'all' | 'current';
  /** Keys, or uploads, that are listed with one request, 1,000 at most and unless told. */
  readonly pageKeys?: number | undefined;
}

/** Puts that met another at the same key are tried again so often, after so many milliseconds at most. */
const RACES = 5;
const RACE_MS = 200;
/** Reads of an object whose body breaks off. */
const READS = 3;

/**
 * Objects in a bucket of S3, or of a server that answers as S3 does: put-if-absent by `If-None-Match`, reads
 * that see every finished write, keys listed in the order of their bytes (so no directory buckets).
 */
export class S3ObjectStore implements ObjectStore {
  readonly #bucket: S3Bucket;
  readonly #options: S3StoreOptions;

  constructor(bucket: S3Bucket, options: S3StoreOptions) {
    this.#bucket = bucket;
    this.#options = options;
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const put = this.#newPut(key, bytes);
    for (let left = RACES; ; left--) {
      try {
        await put.send(this.#bucket, true);
        return true;
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        // Taken by ourselves when a try that seemed lost had landed.
        if (error.reason === 'taken') return this.#isFrom(put, key);
        if (error.reason === 'missing' && (await this.#isFrom(put, key))) return true;
        if (error.reason !== 'race' || left === 1) throw error;
        await sleep(Math.random() * RACE_MS);
      }
    }
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const put = this.#newPut(key, bytes);
    try {
      await put.send(this.#bucket, false);
    } catch (error) {
      // A second try to complete an upload that was complete finds no upload any more.
      const done = error instanceof ObjectStoreError && error.reason === 'missing';
      if (!done || !(await this.#isFrom(put, key))) throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<Buffer | undefined> {
    if (range !== undefined) checkRange(range);
    if (range?.length === 0) return (await this.size(key)) === undefined ? undefined : Buffer.alloc(0);
    for (let left = READS; ; left--) {
      const answer = await this.#open(key, range);
      if (answer === undefined || Buffer.isBuffer(answer)) return answer;
      try {
        const bytes = await readBody(answer.Body, answer.ContentLength ?? 0);
        if (answer.ContentRange !== undefined) return bytes;
        // What stays different was changed in the store: it is given as it is, and the journal's hashes tell.
        if (left > 1 && !hasSha256(bytes, notesOf(answer.Metadata).sha256)) continue;
        // A server may give the whole in place of a range.
        return range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length);
      } catch (error) {
        if (left === 1) throw new ServiceUnavailable('S3', { cause: causeOf(awsFailure(error)) });
      }
    }
  }

  async size(key: string): Promise<number | undefined> {
    return (await this.#head(key))?.ContentLength;
  }

  async delete(key: string): Promise<void> {
    const place = this.#place(key);
    const { VersionId, DeleteMarker } = await this.#bucket.ask('s3:DeleteObject', (client, options) =>
      client.send(new DeleteObjectCommand(place), options),
    );
    // A bucket that never had versions says neither, and the object is gone.
    if (VersionId === undefined && DeleteMarker !== true) return;
    const all = this.#options.deletes === 'all';
    try {
      await destroyVersions(this.#bucket, place.Key, all);
    } catch (error) {
      // Hidden, and that was asked for: who may not look at versions may leave them to a rule of the bucket.
      if (all || !(error instanceof ObjectStoreError) || error.reason !== 'denied') throw error;
    }
  }

  async *list(prefix: string, after = ''): AsyncIterable<string> {
    const slash = prefix.lastIndexOf('/');
    if (slash > 0) checkObjectKey(prefix.slice(0, slash));
    const own = this.#options.prefix;
    let token: string | undefined;
    do {
      const page = await this.#page({
        Prefix: own + prefix,
        ...(after !== '' && { StartAfter: own + after }),
        ...(token !== undefined && { ContinuationToken: token }),
      });
      // Not all servers encode, though all are asked to.
      const isEncoded = page.EncodingType === 'url';
      for (const { Key = '' } of page.Contents ?? []) {
        const key = (isEncoded ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key).slice(own.length);
        // Consoles make empty objects that stand for folders.
        if (key !== '' && !key.endsWith('/')) yield key;
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Resolves when the bucket answers and may be read. @throws ServiceUnavailable, ObjectStoreError */
  async check(): Promise<void> {
    await this.#bucket.ask('s3:ListBucket', (client, options) =>
      client.send(new HeadBucketCommand({ Bucket: this.#bucket.name }), options),
    );
  }

  /** Whether the bucket locks by itself what is put: nothing can be destroyed there before its time. */
  async locksAll(): Promise<boolean> {
    try {
      const { ObjectLockConfiguration } = await this.#bucket.ask(
        's3:GetBucketObjectLockConfiguration',
        (client, options) =>
          client.send(new GetObjectLockConfigurationCommand({ Bucket: this.#bucket.name }), options),
      );
      return ObjectLockConfiguration?.Rule?.DefaultRetention?.Mode !== undefined;
    } catch (error) {
      // No lock, a server that has none, or nobody may ask: a delete that is refused says so then.
      if (error instanceof ObjectStoreError) return false;
      throw error;
    }
  }

  /**
   * Removes the parts of large objects that a crash left more than a day before `now`; how many objects.
   * @throws ServiceUnavailable, ObjectStoreError when it may not, or the server cannot
   */
  async removeLeftovers(now = Date.now()): Promise<number> {
    const { prefix, pageKeys } = this.#options;
    return removeLeftovers(this.#bucket, { prefix, pageKeys, now });
  }

  #newPut(key: string, bytes: Uint8Array): S3Put {
    const { encryption, lock } = this.#options;
    return new S3Put(this.#place(key), bytes, {
      encryption,
      lock: lock?.covers(key) === true ? lock : undefined,
    });
  }

  #place(key: string): { readonly Bucket: string; readonly Key: string } {
    checkObjectKey(key);
    checkObjectKey(this.#options.prefix + key);
    return { Bucket: this.#bucket.name, Key: this.#options.prefix + key };
  }

  async #isFrom(put: S3Put, key: string): Promise<boolean> {
    return notesOf((await this.#head(key))?.Metadata).putId === put.id;
  }

  async #head(key: string): Promise<HeadObjectCommandOutput | undefined> {
    const place = this.#place(key);
    return absent(() =>
      this.#bucket.ask('s3:GetObject', (client, options) =>
        client.send(new HeadObjectCommand(place), options),
      ),
    );
  }

  /** The answer before its body is read; nothing where the range begins behind the end. */
  async #open(
    key: string,
    range: ByteRange | undefined,
  ): Promise<GetObjectCommandOutput | Buffer | undefined> {
    const input = { ...this.#place(key), ...(range && { Range: rangeHeader(range) }) };
    try {
      return await absent(() =>
        this.#bucket.ask('s3:GetObject', (client, options) =>
          client.send(new GetObjectCommand(input), options),
        ),
      );
    } catch (error) {
      if (error instanceof ObjectStoreError && error.reason === 'range') return Buffer.alloc(0);
      throw error;
    }
  }

  async #page(input: { Prefix: string; StartAfter?: string; ContinuationToken?: string }) {
    // XML cannot carry all letters of a key.
    const all = {
      Bucket: this.#bucket.name,
      EncodingType: 'url' as const,
      MaxKeys: this.#options.pageKeys,
      ...input,
    };
    return this.#bucket.ask('s3:ListBucket', (client, options) =>
      client.send(new ListObjectsV2Command(all), options),
    );
  }
}

/** Range of HTTP: both ends belong to it. The last byte is as far as a length can reach. */
function rangeHeader({ offset, length }: ByteRange): string {
  return `bytes=${offset}-${Math.min(offset + length - 1, Number.MAX_SAFE_INTEGER)}`;
}

async function absent<Answer>(request: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof ObjectStoreError && error.reason === 'missing') return undefined;
    throw error;
  }
}
