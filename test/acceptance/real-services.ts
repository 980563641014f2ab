import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { Client } from 'pg';

import { onRealServices, services } from '#test/services';

/**
 * What puts the platform of a data folder on the real services, where TEST_SERVICES names them: a database, a
 * bucket and prefixes that are its alone, the same ones at each start.
 */
export async function serviceVariables(dataDir: string): Promise<Record<string, string>> {
  if (!onRealServices()) return {};
  const found = services();
  const name = serviceName(dataDir);
  await createBucket(dataDir);
  return {
    CAIRN_POSTGRES_URL: await createDatabase(found.postgresUrl, name.replace('-', '_')),
    CAIRN_REDIS_URL: found.redisUrl,
    CAIRN_REDIS_PREFIX: name,
    CAIRN_OPENSEARCH_URL: found.opensearchUrl,
    CAIRN_OPENSEARCH_PREFIX: name,
    CAIRN_S3_BUCKET: name,
    CAIRN_S3_ENDPOINT: found.s3.endpoint,
    CAIRN_S3_REGION: found.s3.region,
    CAIRN_S3_PATH_STYLE: 'true',
    AWS_ACCESS_KEY_ID: found.s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: found.s3.secretAccessKey,
  };
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** The bucket of a platform on the real services; the caller destroys the client. */
export function serviceBucket(dataDir: string): { client: S3Client; bucket: string } {
  const { endpoint, region, ...credentials } = services().s3;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  return { client, bucket: serviceName(dataDir) };
}

/** What belongs to a platform on the real services: its bucket, the beginning of its names. */
export function serviceName(dataDir: string): string {
  return `acceptance-${createHash('sha256').update(dataDir).digest('hex').slice(0, 16)}`;
}

async function createBucket(dataDir: string): Promise<void> {
  const { client, bucket } = serviceBucket(dataDir);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    // The platform is started again.
    if (!(error instanceof Error) || error.name !== 'BucketAlreadyOwnedByYou') throw error;
  } finally {
    client.destroy();
  }
}
