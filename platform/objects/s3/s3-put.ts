import { PutObjectCommand } from '@aws-sdk/client-s3';
import { createHash, randomUUID } from 'node:crypto';

import type { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { putInParts } from '#platform/objects/s3/s3-parts';

export interface S3Encryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  /** For aws:kms; undefined: the account's own key for S3. */
  readonly keyId: string | undefined;
}

/** Object Lock: nobody, in COMPLIANCE mode not even the account's root, removes a version before its time. */
export interface S3Lock {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly days: number;
  /** Which objects. Never wrapped keys: an erasure must be able to destroy them. */
  readonly covers: (key: string) => boolean;
}

/** Objects from this size on go in parts. */
const LARGE_BYTES = 16 * 1024 * 1024;
const DAY_MS = 86_400_000;
/** Metadata: which put made the object, and the SHA-256 of all its bytes, also of those in parts. */
const PUT_ID = 'cairn-put';
const SHA256 = 'cairn-sha256';

/** What S3 keeps of an object beside its bytes, as far as it is ours. */
export function notesOf(metadata: Readonly<Record<string, string>> = {}): {
  readonly putId: string | undefined;
  readonly sha256: string | undefined;
} {
  return { putId: metadata[PUT_ID], sha256: metadata[SHA256] };
}

/** One put of one object: its bytes with all that is said of them. */
export class S3Put {
  readonly id = randomUUID();
  readonly #bytes: Uint8Array;
  readonly #sha256: string;
  readonly #fields;

  constructor(
    place: { readonly Bucket: string; readonly Key: string },
    bytes: Uint8Array,
    rules: { readonly encryption: S3Encryption | undefined; readonly lock: S3Lock | undefined },
  ) {
    const { encryption, lock } = rules;
    this.#bytes = bytes;
    this.#sha256 = createHash('sha256').update(bytes).digest('base64');
    this.#fields = {
      ...place,
      ContentType: 'application/octet-stream',
      Metadata: { [PUT_ID]: this.id, [SHA256]: this.#sha256 },
      ...(encryption !== undefined && { ServerSideEncryption: encryption.algorithm }),
      // One call of KMS for many objects.
      ...(encryption?.algorithm === 'aws:kms' && { BucketKeyEnabled: true }),
      ...(encryption?.keyId !== undefined && { SSEKMSKeyId: encryption.keyId }),
      ...(lock !== undefined && {
        ObjectLockMode: lock.mode,
        ObjectLockRetainUntilDate: new Date(Date.now() + lock.days * DAY_MS),
      }),
    };
  }

  /** `onlyNew`: fails as `taken` where the key has an object. @throws ServiceUnavailable, ObjectStoreError */
  async send(bucket: S3Bucket, onlyNew: boolean): Promise<void> {
    const Body = this.#bytes;
    if (Body.length >= LARGE_BYTES) return putInParts(bucket, this.#fields, Body, onlyNew);
    const checksum = { ChecksumAlgorithm: 'SHA256' as const, ChecksumSHA256: this.#sha256 };
    const input = { ...this.#fields, ...checksum, Body };
    await bucket.ask('s3:PutObject', (client, options) =>
      client.send(new PutObjectCommand({ ...input, ...(onlyNew && { IfNoneMatch: '*' }) }), options),
    );
  }
}
