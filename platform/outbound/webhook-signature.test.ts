import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { signWebhook } from '#platform/outbound/webhook-signature';

const KEY = Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64');
const secretOf = (key: Buffer): string => `whsec_${key.toString('base64')}`;

it('signs as the specification’s example does', () => {
  const headers = signWebhook(
    {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      sentAt: new Date(1_614_265_330_500),
      body: Buffer.from('{"test": 2432232314}'),
    },
    KEY,
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

it('is verified by the library that receivers use, and only as it was sent', () => {
  const key = randomBytes(32);
  const secret = secretOf(key);
  const body = Buffer.from('{"text":"größer als \u{1F600}","n":9.82222E-5}');
  const headers = signWebhook({ id: 'a-b', sentAt: new Date(), body }, key);
  expect(new Webhook(secret).verify(body.toString(), headers)).toMatchObject({ n: 9.82222e-5 });
  expect(() => new Webhook(secret).verify(`${body.toString()} `, headers)).toThrow('No matching signature');
  expect(() => new Webhook(secret).verify(body.toString(), { ...headers, 'webhook-id': 'b' })).toThrow();
  expect(() => new Webhook(secretOf(randomBytes(32))).verify(body.toString(), headers)).toThrow();
});
