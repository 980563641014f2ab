import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { serviceBucket } from '#test/acceptance/real-services';
import { onRealServices } from '#test/services';

/** Changes one byte in the middle of the largest object of a data folder, wherever its objects are. */
export async function changeOneByte(dataDir: string): Promise<void> {
  await (onRealServices() ? changeInBucket(dataDir) : changeOnDisk(join(dataDir, 'objects')));
}

async function changeOnDisk(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })));
  const { path } = largest(sizes);
  await writeFile(path, changed(await readFile(path)));
}

async function changeInBucket(dataDir: string): Promise<void> {
  const { client, bucket } = serviceBucket(dataDir);
  try {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    const { Key } = largest(Contents.map((found) => ({ ...found, size: found.Size ?? 0 })));
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: changed(bytes) }));
  } finally {
    client.destroy();
  }
}

function largest<T extends { readonly size: number }>(found: readonly T[]): T {
  const [first] = found.toSorted((a, b) => b.size - a.size);
  if (first === undefined) throw new Error('There are no objects to change.');
  return first;
}

function changed(bytes: Uint8Array): Uint8Array {
  const middle = Math.floor(bytes.length / 2);
  return bytes.with(middle, (bytes[middle] ?? 0) ^ 1);
}
