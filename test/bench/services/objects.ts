import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DiskObjectStore } from '#platform/objects/disk-object-store';
import type { ObjectStore } from '#platform/objects/object-store';
import { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { S3ObjectStore } from '#platform/objects/s3/s3-object-store';
import { median } from '#test/bench/statistics';
import { createBucket } from '#test/s3-bed';

export interface StoreResult {
  readonly store: string;
  /** Milliseconds, medians: a segment of 8 MB put if absent, a wrapped key of 100 bytes put if absent. */
  readonly segmentMs: number;
  readonly keyMs: number;
  /** 50 ranges of 16 KB of that segment at once, as a page of scattered events reads them. */
  readonly pageMs: number;
}

const SEGMENT_BYTES = 8 * 2 ** 20;
const FRAME_BYTES = 16 * 2 ** 10;
const FRAMES = 50;
const SEGMENTS = 10;
const KEYS = 100;
const PAGES = 40;

/** The same objects on the local disk and on S3. */
export async function benchStores(): Promise<readonly StoreResult[]> {
  const folder = await mkdtemp(join(tmpdir(), 'cairn-bench-objects-'));
  try {
    const disk = await benchStore('disk (embedded)', await DiskObjectStore.open(folder));
    const bucket = new S3Bucket(await createBucket('s3'));
    return [disk, await benchStore('S3', new S3ObjectStore(bucket, { prefix: '', deletes: 'current' }))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function benchStore(store: string, objects: ObjectStore): Promise<StoreResult> {
  const segment = randomBytes(SEGMENT_BYTES);
  const wrapped = randomBytes(100);
  const ranges = Array.from({ length: FRAMES }, (_, at) => ({
    offset: at * Math.floor(SEGMENT_BYTES / FRAMES),
    length: FRAME_BYTES,
  }));
  return {
    store,
    segmentMs: await timed(SEGMENTS, (at) => objects.putIfAbsent(`log/segment-${at}`, segment)),
    keyMs: await timed(KEYS, (at) => objects.putIfAbsent(`keys/${at}`, wrapped)),
    pageMs: await timed(PAGES, (at) =>
      Promise.all(ranges.map((range) => objects.get(`log/segment-${at % SEGMENTS}`, range))),
    ),
  };
}

async function timed(rounds: number, work: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    await work(round);
    times.push(performance.now() - start);
  }
  return median(times);
}
