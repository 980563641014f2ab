import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';

import { openDataFolder } from '#cli/data-folder';
import { doctorCommand } from '#cli/doctor';
import { KmsKeyProvider } from '#platform/keys-kms';
import { S3Bucket } from '#platform/objects/s3/s3-bucket';
import { S3ObjectStore } from '#platform/objects/s3/s3-object-store';
import { temporaryFolder } from '#test/harness';
import { createBucket, createKmsKey } from '#test/s3-bed';

test('looks into the buckets and asks KMS, and says what is wrong with them', async () => {
  const bed = await createBucket('s3');
  const kms = await createKmsKey();
  const parent = await temporaryFolder();
  onTestFinished(() => rm(parent, { recursive: true }));
  const environment = {
    CAIRN_PORT: '0',
    CAIRN_POSTGRES_URL: inject('postgresUrl'),
    CAIRN_S3_BUCKET: bed.bucket,
    CAIRN_S3_ENDPOINT: bed.endpoint,
    CAIRN_ANCHOR: `s3://${bed.bucket}/anchor`,
    ...kms,
  };
  const diagnose = async (more: Record<string, string> = {}): Promise<Record<string, string>> => {
    const findings = await doctorCommand({ CAIRN_DATA: join(parent, 'data') }, { ...environment, ...more });
    return Object.fromEntries(findings.map(({ check, state, found }) => [check, `${state}: ${found}`]));
  };
  const folder = await openDataFolder(join(parent, 'data'), environment.CAIRN_ANCHOR);
  folder.release();
  expect((await diagnose())['master key']).toMatch(/^trouble: aws-kms:.* is missing/);

  const keyObjects = new S3ObjectStore(new S3Bucket(bed), { prefix: 'keys/', deletes: 'all' });
  const place = { endpoint: kms.CAIRN_KMS_ENDPOINT, region: undefined };
  await KmsKeyProvider.openOrCreate({ ...place, keyId: kms.CAIRN_MASTER_KEY.slice(8) }, keyObjects);
  expect(await diagnose()).toMatchObject({
    'master key': `ok: ${kms.CAIRN_MASTER_KEY} opens what it wrapped`,
    objects: `ok: 0, all readable in s3://${bed.bucket}/objects/`,
    'data keys': `ok: 1, all readable in s3://${bed.bucket}/keys/`,
    anchor: `ok: 0 files in s3://${bed.bucket}/anchor/`,
  });
  const missing = await diagnose({ CAIRN_S3_BUCKET: 'test-none' });
  expect(missing['objects']).toMatch(/^trouble: There is no bucket test-none/);
  expect(missing['anchor']).toMatch(/^ok/);
});
