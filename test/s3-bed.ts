import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { CreateBucketCommand, PutBucketVersioningCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';

import { awsClientOptions } from '#platform/aws-client';
import { S3Bucket } from '#platform/objects/s3/s3-bucket';
import type { S3Place } from '#platform/objects/s3/s3-bucket';
import { freshName, services } from '#test/services';

export interface BucketKind {
  readonly versions?: boolean;
  /** Object Lock, which brings versions with it. */
  readonly lock?: boolean;
}

/** A bucket of its own on one of the S3 servers. */
export interface S3Bed extends S3Place {
  readonly endpoint: string;
  /** For requests of the test's own. */
  readonly client: S3Client;
}

/** `s3`: versitygw. `moto`: knows versions and server-side encryption. */
export async function createBucket(server: 's3' | 'moto', kind: BucketKind = {}): Promise<S3Bed> {
  const { s3, moto } = services();
  useTestCredentials();
  const endpoint = server === 's3' ? s3.endpoint : moto.endpoint;
  const bucket = freshName();
  const place = { bucket, endpoint, region: 'us-east-1', pathStyle: true };
  const { client } = new S3Bucket(place);
  await client.send(
    new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: kind.lock ?? false }),
  );
  if (kind.versions === true) {
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
  }
  return { ...place, client };
}

/** Puts versitygw's keys where the SDK's chain finds them; moto takes any. */
export function useTestCredentials(): void {
  const { accessKeyId, secretAccessKey } = services().s3;
  process.env['AWS_ACCESS_KEY_ID'] = accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] = secretAccessKey;
}

/** The variables of a master key of its own in moto's KMS. */
export async function createKmsKey(): Promise<{ CAIRN_MASTER_KEY: string; CAIRN_KMS_ENDPOINT: string }> {
  useTestCredentials();
  const { endpoint } = services().moto;
  const client = new KMSClient(awsClientOptions({ endpoint, region: undefined }));
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  client.destroy();
  return { CAIRN_MASTER_KEY: `aws-kms:${KeyMetadata?.KeyId}`, CAIRN_KMS_ENDPOINT: endpoint };
}
