import { expect, it } from 'vitest';
import { loadConfig } from '#platform/config';
import { toldSettings } from '#platform/config-told';

it('tells settings by variable, and of addresses no more than the host', () => {
  const told = toldSettings(
    loadConfig({
      CAIRN_POSTGRES_URL: 'postgres://user:pass-word@db.example:5432/cairn?sslkey=pass-word',
      CAIRN_REDIS_URL: 'rediss://:pass-word@redis.example:6380',
      CAIRN_OTLP_ENDPOINT: 'https://user:pass-word@otlp.example',
      CAIRN_INTERNAL_KEY: '/etc/pass-word',
      CAIRN_API_KEY: undefined,
      CAIRN_SEAL_SECONDS: '30',
    }),
  );
  expect(told).toMatchObject({
    CAIRN_SEAL_SECONDS: '30',
    CAIRN_POSTGRES_URL: 'db.example',
    CAIRN_REDIS_URL: 'redis.example',
    CAIRN_OTLP_ENDPOINT: 'otlp.example',
  });
  expect(JSON.stringify(told)).not.toContain('pass-word');
  expect(Object.keys(told).filter((name) => !name.startsWith('CAIRN_'))).toEqual([]);
});
