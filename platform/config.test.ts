import { expect, test } from 'vitest';

import { EVENT_CATEGORIES } from '#domain/event';
import { ConfigError, loadClientConfig, loadConfig, renderEnvExample } from '#platform/config';

function mistakesOf(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

test('an empty environment gives the embedded default on the loopback', () => {
  expect(loadConfig({})).toMatchObject({
    dataDir: './data',
    anchorDir: undefined,
    host: '127.0.0.1',
    port: 4600,
    postgresUrl: undefined,
    allowPlaintext: false,
    trustedProxies: [],
    historyDays: undefined,
    historyCategories: EVENT_CATEGORIES.filter((category) => category !== 'NetworkActivity'),
    sealSeconds: 60,
  });
});

test('values are typed, lists are cut at commas', () => {
  const config = loadConfig({
    CAIRN_PORT: '0',
    CAIRN_ALLOW_PLAINTEXT: 'true',
    CAIRN_TRUSTED_PROXIES: '10.0.0.0/8, ::1,fd00::/8',
    CAIRN_CORS_ORIGINS: 'https://console.example.com,http://localhost:3000',
    CAIRN_HISTORY_DAYS: '90',
    CAIRN_HISTORY_CATEGORIES: 'Management',
  });
  expect(config.port).toBe(0);
  expect(config.allowPlaintext).toBe(true);
  expect(config.trustedProxies).toEqual(['10.0.0.0/8', '::1', 'fd00::/8']);
  expect(config.corsOrigins).toHaveLength(2);
  expect(config.historyDays).toBe(90);
  expect(config.historyCategories).toEqual(['Management']);
});

test('an empty variable is an unset one', () => {
  expect(loadConfig({ CAIRN_PORT: '', CAIRN_POSTGRES_URL: '' })).toEqual(loadConfig({}));
});

test('all mistakes are told at once', () => {
  const mistakes = mistakesOf({
    CAIRN_PORT: '70000',
    CAIRN_ALLOW_PLAINTEXT: 'yes',
    CAIRN_TLS_CERT: '/etc/cert.pem',
    CAIRN_POSTGRES_URL: 'mysql://x',
    CAIRN_POTR: '1',
  });
  expect(mistakes).toEqual([
    'CAIRN_POTR is not a variable of Cairn.',
    'CAIRN_PORT must be a whole number from 0 to 65535.',
    'CAIRN_ALLOW_PLAINTEXT must be true or false.',
    'CAIRN_POSTGRES_URL must be a URL that begins with postgres:// or postgresql://.',
    'CAIRN_TLS_CERT and CAIRN_TLS_KEY must be set together.',
  ]);
});

test.each([
  ['CAIRN_TRUSTED_PROXIES', '10.0.0.0/33'],
  ['CAIRN_TRUSTED_PROXIES', 'proxy.example.com'],
  ['CAIRN_TRUSTED_PROXIES', '10.0.0.0/'],
  ['CAIRN_TRUSTED_PROXIES', '10.0.0.0/8/8'],
  ['CAIRN_CORS_ORIGINS', 'https://console.example.com/'],
  ['CAIRN_CORS_ORIGINS', 'console.example.com'],
  ['CAIRN_SEAL_SECONDS', '1e3'],
  ['CAIRN_SEAL_SECONDS', '-1'],
  ['CAIRN_SEAL_SECONDS', '0'],
  ['CAIRN_HISTORY_CATEGORIES', 'management'],
  ['CAIRN_LOG_LEVEL', 'verbose'],
  ['CAIRN_OTLP_ENDPOINT', 'collector:4318'],
])('refuses %s=%s', (name, value) => {
  expect(mistakesOf({ [name]: value })).toEqual([expect.stringMatching(`^${name} must be `)]);
});

test.each([
  ['CAIRN_ANCHOR', 's3://'],
  ['CAIRN_ANCHOR', 's3://bucket/a//b'],
  ['CAIRN_ANCHOR', 's3://bucket/../b'],
  ['CAIRN_ANCHOR', 'gs://bucket/a'],
  ['CAIRN_S3_BUCKET', 'Bucket'],
  ['CAIRN_S3_PREFIX', '/a'],
  ['CAIRN_S3_PREFIX', 'a/./b'],
  ['CAIRN_S3_SSE', 'kms'],
  ['CAIRN_S3_LOCK_MODE', 'governance'],
  ['CAIRN_S3_LOCK_DAYS', '0'],
  ['CAIRN_MASTER_KEY', '/etc/master.key'],
  ['CAIRN_MASTER_KEY', 'aws-kms:'],
])('refuses %s=%s of the object stores', (name, value) => {
  expect(mistakesOf({ [name]: value })).toContainEqual(expect.stringMatching(`^${name} must be `));
});

test('where objects and keys are is read, and what says nothing alone is a mistake', () => {
  const s3 = { CAIRN_S3_BUCKET: 'cairn-prod', CAIRN_S3_SSE: 'aws:kms' };
  const lock = { CAIRN_S3_LOCK_MODE: 'COMPLIANCE', CAIRN_S3_LOCK_DAYS: '365' };
  const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  expect(loadConfig({ ...s3, ...lock, CAIRN_MASTER_KEY: `aws-kms:${arn}` })).toMatchObject({
    s3Bucket: 'cairn-prod',
    s3Encryption: 'aws:kms',
    s3LockDays: 365,
    s3PathStyle: undefined,
    kmsMasterKey: arn,
  });
  expect(loadConfig({ CAIRN_ANCHOR: 's3://anchor-bucket/cairn/', ...lock }).s3LockMode).toBe('COMPLIANCE');
  expect(
    mistakesOf({ ...lock, CAIRN_S3_PREFIX: 'a', CAIRN_S3_KMS_KEY: 'k', CAIRN_KMS_ENDPOINT: 'http://k' }),
  ).toEqual([
    'CAIRN_S3_PREFIX needs CAIRN_S3_BUCKET.',
    'CAIRN_S3_LOCK_MODE needs CAIRN_S3_BUCKET or a CAIRN_ANCHOR that begins with s3://.',
    'CAIRN_S3_KMS_KEY needs CAIRN_S3_SSE=aws:kms.',
    'CAIRN_KMS_ENDPOINT needs CAIRN_MASTER_KEY.',
  ]);
  expect(mistakesOf({ ...s3, CAIRN_S3_LOCK_DAYS: '1' })).toEqual([
    'CAIRN_S3_LOCK_MODE and CAIRN_S3_LOCK_DAYS must be set together.',
  ]);
});

test('a mistake never repeats the value, which may be a secret', () => {
  expect(mistakesOf({ CAIRN_POSTGRES_URL: 'hunter2' }).join()).not.toContain('hunter2');
});

test('the commands find the profile where the desktop’s rules put it', () => {
  expect(loadClientConfig({ HOME: '/home/ada' })).toEqual({
    url: undefined,
    apiKey: undefined,
    profileDir: '/home/ada/.config/cairn',
    color: true,
  });
  expect(loadClientConfig({ XDG_CONFIG_HOME: '/c', NO_COLOR: '1' })).toMatchObject({
    profileDir: '/c/cairn',
    color: false,
  });
  expect(() => loadClientConfig({ CAIRN_URL: 'ftp://x' })).toThrow(ConfigError);
});

test('.env.example shows what this file defines', async () => {
  await expect(renderEnvExample()).toMatchFileSnapshot('../.env.example');
});

test('listening beyond the loopback without TLS is a mistake, unless it is asked for', () => {
  const host = { CAIRN_HOST: '0.0.0.0' };
  expect(mistakesOf(host)).toEqual([expect.stringContaining('CAIRN_ALLOW_PLAINTEXT')]);
  expect(mistakesOf({ CAIRN_HOST: '::1' })).toEqual([]);
  expect(mistakesOf({ ...host, CAIRN_ALLOW_PLAINTEXT: 'true' })).toEqual([]);
  expect(mistakesOf({ ...host, CAIRN_TLS_CERT: 'cert.pem', CAIRN_TLS_KEY: 'key.pem' })).toEqual([]);
});
