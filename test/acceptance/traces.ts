import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { serviceBucket, serviceName } from '#test/acceptance/real-services';
import { onRealServices, services } from '#test/services';

/**
 * Where a text stands, in UTF-8 or UTF-16, upper or lower case: files around the data folder of a platform and,
 * on the real services, its objects in S3 and what its indices in OpenSearch find.
 */
export async function tracesOf(dataDir: string, text: string): Promise<string[]> {
  const files = await filesWith(dirname(dataDir), text);
  return onRealServices()
    ? [...files, ...(await objectsWith(dataDir, text)), ...(await foundBy(dataDir, text))]
    : files;
}

async function filesWith(root: string, text: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if (holds(await readFile(path), text)) found.push(path);
  }
  return found;
}

async function objectsWith(dataDir: string, text: string): Promise<string[]> {
  const { client, bucket } = serviceBucket(dataDir);
  try {
    const { Contents = [], IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
    if (IsTruncated === true) throw new Error('There are more objects than one list shows.');
    const found: string[] = [];
    for (const { Key = '' } of Contents) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      if (holds(Buffer.from((await Body?.transformToByteArray()) ?? []), text)) found.push(`s3: ${Key}`);
    }
    return found;
  } finally {
    client.destroy();
  }
}

async function foundBy(dataDir: string, text: string): Promise<string[]> {
  const prefix = serviceName(dataDir);
  const words = encodeURIComponent(`words:(${text.toLowerCase().split(/\W+/).join(' AND ')})`);
  const url = `${services().opensearchUrl}/${prefix}-*/_search?size=3&q=${words}`;
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`OpenSearch answers ${answer.status}: ${await answer.text()}`);
  const { hits } = (await answer.json()) as { hits: { hits: { _index: string; _id: string }[] } };
  return hits.hits.map(({ _index, _id }) => `opensearch: ${_index} ${_id}`);
}

function holds(bytes: Buffer, text: string): boolean {
  return [text, text.toLowerCase()].some(
    (form) => bytes.includes(Buffer.from(form)) || bytes.includes(Buffer.from(form, 'utf16le')),
  );
}
