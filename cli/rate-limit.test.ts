import { expect, it } from 'vitest';
import { limitRate } from '#cli/rate-limit';

const key = (keyId: string) => ({ keyId, role: 'auditor', accounts: 'ALL' }) as const;

it('refuses a key past its limit until the minute is over, and no other key', async () => {
  let time = 90_000;
  const authenticate = limitRate(
    async (authorization) => (authorization === undefined ? null : key(authorization)),
    2,
    () => time,
  );
  await authenticate('a');
  await authenticate('a');
  await expect(authenticate('a')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: 30 });
  expect(await authenticate('b')).toEqual(key('b'));
  expect(await authenticate(undefined)).toBeNull();
  time = 120_000;
  expect(await authenticate('a')).toEqual(key('a'));
});
