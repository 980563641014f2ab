import { z } from 'zod';

import { optional, text, url, whole, yesOrNo } from '#platform/variable';
import type { Values } from '#platform/variable';

/** As S3 names buckets; other servers are narrower, not wider. */
const BUCKET = '[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]';
/** Parts between slashes, none of them empty, `.` or `..`; room is left for what is put below. */
const PREFIX = String.raw`(?!\.{1,2}(?:/|$))[\w.=-]+(?:/(?!\.{1,2}(?:/|$))[\w.=-]+)*`;
const S3_URL = new RegExp(`^s3://(${BUCKET})(?:/(${PREFIX})/?)?$`);
const KMS_KEY = /^aws-kms:([\w:/-]{1,2048})$/;

const bucket = z.string().regex(new RegExp(`^${BUCKET}$`), 'must be the name of a bucket');

/** Where objects, keys and anchor are, if not in folders. */
export const OBJECTS = {
  s3Bucket: optional(
    'CAIRN_S3_BUCKET',
    bucket,
    'Bucket for segments, checkpoints and wrapped keys. Credentials come as the AWS SDK finds them. Unset: the data folder.',
  ),
  s3KeysBucket: optional(
    'CAIRN_S3_KEYS_BUCKET',
    bucket,
    'Another bucket for the wrapped keys: without versions and without backup, so that an erasure can destroy them.',
  ),
  s3Prefix: optional(
    'CAIRN_S3_PREFIX',
    z
      .string()
      .max(256, 'must be short')
      .regex(
        new RegExp(`^${PREFIX}$`),
        'must be like cairn/production: letters, digits, . _ = - and slashes',
      ),
    'Put before all keys in the buckets.',
  ),
  s3Endpoint: optional(
    'CAIRN_S3_ENDPOINT',
    url(['http:', 'https:']),
    'An S3 server other than AWS, such as http://127.0.0.1:7070.',
  ),
  s3Region: optional(
    'CAIRN_S3_REGION',
    text,
    'Region of the buckets. Unset: as the AWS SDK finds it; us-east-1 where CAIRN_S3_ENDPOINT is set.',
  ),
  s3PathStyle: optional(
    'CAIRN_S3_PATH_STYLE',
    yesOrNo,
    'Whether the bucket stands in the path, not in the host name. Unset: true where CAIRN_S3_ENDPOINT is set.',
  ),
  s3Encryption: optional(
    'CAIRN_S3_SSE',
    z.enum(['AES256', 'aws:kms'], 'must be AES256 or aws:kms'),
    'Server-side encryption to ask for with every object. Unset: as the bucket does by itself.',
  ),
  s3KmsKey: optional(
    'CAIRN_S3_KMS_KEY',
    text,
    'Id or ARN of the KMS key for CAIRN_S3_SSE=aws:kms. Unset: the account’s own for S3.',
  ),
  s3LockMode: optional(
    'CAIRN_S3_LOCK_MODE',
    z.enum(['GOVERNANCE', 'COMPLIANCE'], 'must be GOVERNANCE or COMPLIANCE'),
    'Object Lock for segments, checkpoints and an anchor in S3, with CAIRN_S3_LOCK_DAYS. Wrapped keys are never locked.',
  ),
  s3LockDays: optional(
    'CAIRN_S3_LOCK_DAYS',
    whole(1, 36_500),
    'Days for which nobody can delete or replace what is locked.',
  ),
  kmsMasterKey: optional(
    'CAIRN_MASTER_KEY',
    z
      .string()
      .regex(KMS_KEY, 'must be aws-kms: and the id, alias or ARN of a symmetric key')
      .transform((value) => value.slice('aws-kms:'.length)),
    'The key that wraps all others: aws-kms:<id, alias or ARN>. Unset: master.key in the data folder.',
  ),
  kmsEndpoint: optional(
    'CAIRN_KMS_ENDPOINT',
    url(['http:', 'https:']),
    'A server with the API of AWS KMS, in place of AWS.',
  ),
};

/** A folder, or a bucket and what stands before its keys. */
export const folderOrS3 = z
  .string()
  .min(1, 'must not be empty')
  .refine((value) => !value.includes('://') || S3_URL.test(value), 'must be a folder or s3://bucket/prefix');

/** Undefined for a folder. */
export function parseS3Url(
  value: string,
): { readonly bucket: string; readonly prefix: string | undefined } | undefined {
  const [, name, prefix] = S3_URL.exec(value) ?? [];
  return name === undefined ? undefined : { bucket: name, prefix };
}

type ObjectsConfig = Values<typeof OBJECTS> & { readonly anchorDir: string | undefined };

/** Variables that say nothing without others. */
export function objectsMistakes(config: ObjectsConfig): readonly string[] {
  const mistakes: string[] = [];
  const isSet = (key: keyof ObjectsConfig): boolean => config[key] !== undefined;
  const needs = (key: keyof typeof OBJECTS, fulfilled: boolean, what: string): void => {
    if (isSet(key) && !fulfilled) mistakes.push(`${OBJECTS[key].name} needs ${what}.`);
  };
  const anyBucket = isSet('s3Bucket') || parseS3Url(config.anchorDir ?? '') !== undefined;
  needs('s3KeysBucket', isSet('s3Bucket'), 'CAIRN_S3_BUCKET');
  needs('s3Prefix', isSet('s3Bucket'), 'CAIRN_S3_BUCKET');
  for (const key of ['s3Endpoint', 's3PathStyle', 's3Encryption', 's3LockMode'] as const) {
    needs(key, anyBucket, 'CAIRN_S3_BUCKET or a CAIRN_ANCHOR that begins with s3://');
  }
  needs('s3KmsKey', config.s3Encryption === 'aws:kms', 'CAIRN_S3_SSE=aws:kms');
  needs('kmsEndpoint', isSet('kmsMasterKey'), 'CAIRN_MASTER_KEY');
  if (isSet('s3LockMode') !== isSet('s3LockDays')) {
    mistakes.push('CAIRN_S3_LOCK_MODE and CAIRN_S3_LOCK_DAYS must be set together.');
  }
  return mistakes;
}
