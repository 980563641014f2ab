import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { z } from 'zod';

const SERVICES = z.object({
  /** A role that may create databases; createTestDatabase (test/harness.ts) makes them. */
  postgresUrl: z.string(),
  redisUrl: z.string(),
  opensearchUrl: z.string(),
  /** versitygw: no server-side encryption, no KMS. */
  s3: z.object({
    endpoint: z.string(),
    accessKeyId: z.string(),
    secretAccessKey: z.string(),
    region: z.string(),
  }),
  /** AWS in memory, with S3 (encryption headers too) and KMS; takes any credentials. */
  moto: z.object({ endpoint: z.string() }),
  /** Programs that were fetched; absent where every service was given by URL. */
  cache: z.string().optional(),
});

/** The addresses of the real services: services.json of infra/local. */
export type Services = z.infer<typeof SERVICES>;

/** A Redis of a test's own on the shared server. FLUSHALL and kills need one from test/own-services.ts. */
export interface TestRedisPlace {
  /** With a database number that no other test has. */
  readonly url: string;
  /** Channels know no databases: names need it. */
  readonly prefix: string;
}

const HOW = 'run `npm run test:services`, or set TEST_SERVICES to the services.json of infra/local.';

/** Whether the tests of every project run on the real services; the project `services` always does. */
export function onRealServices(): boolean {
  return (process.env['TEST_SERVICES'] ?? '') !== '';
}

/** Where the real services are. @throws when they are not up */
export function services(): Services {
  const path = process.env['TEST_SERVICES'] ?? '';
  if (path === '') throw new Error(`These tests need the real services: ${HOW}`);
  if (!existsSync(path)) throw new Error(`TEST_SERVICES names ${path}, which is not there: ${HOW}`);
  return SERVICES.parse(JSON.parse(readFileSync(path, 'utf8')));
}

/** Database numbers are given out by the server itself, so that runs at once get different ones. */
export async function freshRedis(): Promise<TestRedisPlace> {
  const { redisUrl } = services();
  const client = new Redis(redisUrl, { lazyConnect: true, retryStrategy: null });
  try {
    const [, limit] = (await client.config('GET', 'databases')) as [string, string];
    const number = 1 + ((await client.incr('test:databases')) % (Number(limit) - 1));
    const url = new URL(redisUrl);
    url.pathname = `/${number}`;
    return { url: url.href, prefix: freshName() };
  } finally {
    client.disconnect();
  }
}

/** A name for what a test makes on a shared server: an index prefix, a bucket (3-63 lower case letters, digits, -). */
export function freshName(): string {
  return `test-${randomBytes(8).toString('hex')}`;
}
