import { Webhook } from 'standardwebhooks';
import { expect, it } from 'vitest';
import { newWebhookSecret, parseWebhookSecret, signWebhook } from '#platform/outbound/webhook-signature';

const KEY = parseWebhookSecret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') ?? Buffer.alloc(0);

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
  const secret = newWebhookSecret();
  const body = Buffer.from('{"text":"größer als \u{1F600}","n":9.82222E-5}');
  const headers = signWebhook(
    { id: 'a-b', sentAt: new Date(), body },
    parseWebhookSecret(secret) ?? Buffer.alloc(0),
  );
  expect(new Webhook(secret).verify(body.toString(), headers)).toMatchObject({ n: 9.82222e-5 });
  expect(() => new Webhook(secret).verify(`${body.toString()} `, headers)).toThrow('No matching signature');
  expect(() => new Webhook(secret).verify(body.toString(), { ...headers, 'webhook-id': 'b' })).toThrow();
  expect(() => new Webhook(newWebhookSecret()).verify(body.toString(), headers)).toThrow();
});

it('takes secrets of the specification’s length and spelling only', () => {
  expect(KEY).toHaveLength(24);
  expect(parseWebhookSecret(newWebhookSecret())).toHaveLength(32);
  expect(newWebhookSecret()).not.toBe(newWebhookSecret());
  const of = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
  expect(parseWebhookSecret(of(64))).toHaveLength(64);
  for (const text of [
    of(23),
    of(65),
    of(24).slice(6),
    `${of(24)} `,
    `${of(25)}=`,
    'whsec_',
    '',
    'whsec_ä'.repeat(9),
  ]) {
    expect([text, parseWebhookSecret(text)]).toEqual([text, undefined]);
  }
});
