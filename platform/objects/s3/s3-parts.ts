import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { CompletedPart, CreateMultipartUploadCommandInput } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';

import type { S3Bucket } from '#platform/objects/s3/s3-bucket';

/** From 5 MB on S3 takes a part; 10,000 parts of this size are 80 GB. */
const PART_BYTES = 8 * 1024 * 1024;
/** Parts on their way at once. */
const PARALLEL = 4;
/** No upload lasts this long: what is older was left by a crash. */
const LEFTOVER_MS = 86_400_000;
const LEFTOVER_PAGES = 20;

const PERMISSION = 's3:PutObject';

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string | undefined;
}

/**
 * Puts a large object in parts, each with its checksum; it appears when all are there. `onlyNew`: refused as a
 * plain put would be when the key is taken by then. What a failure leaves is removed.
 */
export async function putInParts(
  bucket: S3Bucket,
  head: CreateMultipartUploadCommandInput,
  bytes: Uint8Array,
  onlyNew: boolean,
): Promise<void> {
  const { UploadId } = await bucket.ask(PERMISSION, (client, options) =>
    client.send(new CreateMultipartUploadCommand({ ...head, ChecksumAlgorithm: 'SHA256' }), options),
  );
  const upload = { Bucket: bucket.name, Key: head.Key ?? '', UploadId };
  try {
    const Parts = await putParts(bucket, upload, bytes);
    await bucket.ask(PERMISSION, (client, options) =>
      client.send(
        new CompleteMultipartUploadCommand({
          ...upload,
          MultipartUpload: { Parts },
          ...(onlyNew && { IfNoneMatch: '*' }),
        }),
        options,
      ),
    );
  } catch (error) {
    // The failure that counts is the first one; parts that stay are found by `removeLeftovers`.
    await abort(bucket, upload).catch(() => undefined);
    throw error;
  }
}

async function putParts(bucket: S3Bucket, upload: Upload, bytes: Uint8Array): Promise<CompletedPart[]> {
  const done: CompletedPart[] = [];
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    for (let part = next++; part * PART_BYTES < bytes.length && !failed; part = next++) {
      const Body = bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES);
      const ChecksumSHA256 = createHash('sha256').update(Body).digest('base64');
      const checksum = { ChecksumAlgorithm: 'SHA256' as const, ChecksumSHA256 };
      const PartNumber = part + 1;
      const { ETag } = await bucket.ask(PERMISSION, (client, options) =>
        client.send(new UploadPartCommand({ ...upload, ...checksum, PartNumber, Body }), options),
      );
      done[part] = { PartNumber, ChecksumSHA256, ...(ETag !== undefined && { ETag }) };
    }
  };
  const workers = Array.from({ length: PARALLEL }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  // All of them: a part that arrives after the abort would stay.
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return done;
}

async function abort(bucket: S3Bucket, upload: Upload): Promise<void> {
  await bucket.ask('s3:AbortMultipartUpload', (client, options) =>
    client.send(new AbortMultipartUploadCommand(upload), options),
  );
}

interface Leftovers {
  readonly prefix: string;
  readonly now: number;
  /** Uploads that are listed with one request, 1,000 at most and unless told. */
  readonly pageKeys?: number | undefined;
}

/**
 * Aborts uploads under the prefix that a crash left more than a day ago; how many they were. Looks at twenty pages
 * at most: a start waits for it, and the next one goes on.
 */
export async function removeLeftovers(
  bucket: S3Bucket,
  { prefix, now, pageKeys }: Leftovers,
): Promise<number> {
  const old: Upload[] = [];
  let from: string | undefined;
  for (let pages = 0; pages < LEFTOVER_PAGES; pages++) {
    const input = { Bucket: bucket.name, Prefix: prefix, MaxUploads: pageKeys, KeyMarker: from };
    const page = await bucket.ask('s3:ListBucketMultipartUploads', (client, options) =>
      client.send(new ListMultipartUploadsCommand(input), options),
    );
    for (const { Key = '', UploadId, Initiated } of page.Uploads ?? []) {
      if (now - (Initiated?.getTime() ?? now) > LEFTOVER_MS) old.push({ Bucket: bucket.name, Key, UploadId });
    }
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) break;
    // Without the marker of the upload, which some servers refuse: more of that key are found by a later start.
    from = page.NextKeyMarker;
  }
  for (const upload of old) await abort(bucket, upload);
  return old.length;
}
