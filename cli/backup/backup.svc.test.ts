import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { objectPlaces, placeName } from '#cli/object-places';
import type { Place } from '#journal/types';
import { createBackupBed, type BackupBed } from '#test/installation-bed';
import { appendEvents, testEvent } from '#test/log-bed';
import { createBucket, createKmsKey } from '#test/s3-bed';

const ACCOUNT = '111111111111';
const START: Place = { epoch: 0, position: 0 };

let bed: BackupBed | undefined;
afterEach(async () => bed?.remove());

it('rows and keys come back from a backup, objects stay in their bucket, and the master key in KMS', async () => {
  const { bucket, endpoint, region } = await createBucket('moto', { versions: true });
  const keysBucket = await createBucket('moto');
  bed = await createBackupBed({
    CAIRN_S3_BUCKET: bucket,
    CAIRN_S3_KEYS_BUCKET: keysBucket.bucket,
    CAIRN_S3_ENDPOINT: endpoint,
    CAIRN_S3_REGION: region ?? 'us-east-1',
    ...(await createKmsKey()),
  });
  const live = await bed.open('live');
  const events = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) =>
      testEvent(ACCOUNT, from + index, { time: Date.UTC(2026, 2, 3) }),
    );
  await appendEvents(live.journal, events(0, 6));
  await live.journal.sealer.sealTail({ force: true });
  await appendEvents(live.journal, events(6, 9));
  const place = placeName(objectPlaces(live.config, live.layout).objects);
  const report = await bed.backup(live, {}, place);
  expect(report).toMatchObject({ position: 9, copied: { objects: 0 }, lostKeys: [] });
  await appendEvents(live.journal, events(9, 12));
  await live.journal.sealer.sealTail({ force: true });
  await live.close();
  // The machine is gone, the buckets are there; of the keys somebody took all away.
  await rm(join(bed.folder, 'live'), { recursive: true });
  for await (const key of live.journalDeps.keyObjects.list('')) await live.journalDeps.keyObjects.delete(key);
  const database = await bed.database();
  const restored = await bed.restore('new', database, { masterKey: undefined });
  expect(restored).toMatchObject({
    files: { objects: 0 },
    head: { epoch: 1, position: 12 },
    verified: { ok: true },
  });
  const again = await bed.open('new', database);
  const found: string[] = [];
  for (let from = START, behind = 1; behind > 0;) {
    const slice = await again.journal.read(from, 100);
    found.push(...slice.events.map(({ eventId }) => eventId));
    ({ next: from, behind } = slice);
  }
  expect(found).toEqual(events(0, 12).map(({ eventId }) => eventId));
  await again.close();
});
