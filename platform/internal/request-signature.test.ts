import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SignatureChecker, signRequest } from '#platform/internal/request-signature';
import type { CheckedRequest, InternalKeys } from '#platform/internal/request-signature';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const MINUTE_MS = 60_000;
const KEYS: InternalKeys = [randomBytes(32)];
const BODY = Buffer.from('{"caller":{},"query":"{ a }"}');
const TARGET = { method: 'POST', host: '127.0.0.1:4610', path: '/internal/events' };

function signed(at = NOW, keys = KEYS): CheckedRequest {
  return { ...TARGET, headers: signRequest(keys, { ...TARGET, body: BODY }, at) };
}

function checker(keys = KEYS, nonces?: number): SignatureChecker {
  return new SignatureChecker(keys, { now: () => NOW, ...(nonces === undefined ? {} : { nonces }) });
}

test('a signed request is believed, with its body and no other', () => {
  const belief = checker().check(signed());
  if ('refused' in belief) throw new Error(belief.refused);
  expect(belief.hasBody(BODY)).toBe(true);
  expect(belief.hasBody(Buffer.from(BODY.toString().replace('a', 'b')))).toBe(false);
});

test('once, and not a second time', () => {
  const one = checker();
  const request = signed();
  expect('refused' in one.check(request)).toBe(false);
  expect(one.check(request)).toEqual({ refused: 'replayed' });
});

test.each([
  ['another method', { method: 'GET' }],
  ['another path', { path: '/internal/lake' }],
  ['a query behind the path', { path: '/internal/events?x=1' }],
  ['another instance', { host: '127.0.0.1:4611' }],
])('%s is another request', (_, change) => {
  expect(checker().check({ ...signed(), ...change })).toEqual({ refused: 'forged' });
});

test('who has not the key signs nothing', () => {
  expect(checker().check(signed(NOW, [randomBytes(32)]))).toEqual({ refused: 'forged' });
});

test('any changed character of the signature, its time, its nonce or the digest is noticed', () => {
  const { headers } = signed();
  const text = String(headers['x-cairn-signature']);
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A';
    const changed = { ...headers, 'x-cairn-signature': text.slice(0, at) + other + text.slice(at + 1) };
    const belief = checker().check({ ...TARGET, headers: changed });
    // The last character of 32 bytes in base64url holds bits that say nothing.
    if (at < text.length - 1) expect(belief).toHaveProperty('refused');
  }
  const digest = { ...headers, 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` };
  expect(checker().check({ ...TARGET, headers: digest })).toEqual({ refused: 'forged' });
});

test.each([
  ['nothing', {}],
  ['no digest', { 'content-digest': undefined }],
  ['two signatures', { 'x-cairn-signature': ['v=1', 'v=1'] }],
])('%s is not a signature', (name, change) => {
  const headers = name === 'nothing' ? {} : { ...signed().headers, ...change };
  expect(checker().check({ ...TARGET, headers })).toEqual({ refused: 'unsigned' });
});

test('a signature of another version is not guessed at', () => {
  const headers = { ...signed().headers };
  headers['x-cairn-signature'] = String(headers['x-cairn-signature']).replace('v=1', 'v=2');
  expect(checker().check({ ...TARGET, headers })).toEqual({ refused: 'malformed' });
});

test.each([
  [-MINUTE_MS, false],
  [MINUTE_MS, false],
  [-MINUTE_MS - 1, true],
  [MINUTE_MS + 1, true],
])('signed %d ms from now it is stale: %s', (offset, stale) => {
  const belief = checker().check(signed(NOW + offset));
  expect('refused' in belief && belief.refused).toBe(stale ? 'stale' : false);
});

test('what it remembers is bounded: beyond it nothing is believed, until a nonce is too old to come again', () => {
  let now = NOW;
  const one = new SignatureChecker(KEYS, { now: () => now, nonces: 2 });
  expect(one.check(signed())).not.toHaveProperty('refused');
  expect(one.check(signed())).not.toHaveProperty('refused');
  expect(one.check(signed())).toEqual({ refused: 'overrun' });
  now = NOW + MINUTE_MS + 1;
  expect(one.check(signed(now))).not.toHaveProperty('refused');
});

test('a forged request takes no room', () => {
  const one = checker(KEYS, 1);
  for (let i = 0; i < 5; i++) one.check(signed(NOW, [randomBytes(32)]));
  expect(one.check(signed())).not.toHaveProperty('refused');
});

test('a new key is believed before it signs, the old one after', () => {
  const [old, young] = [randomBytes(32), randomBytes(32)];
  expect(checker([old, young]).check(signed(NOW, [young]))).not.toHaveProperty('refused');
  expect(checker([young, old]).check(signed(NOW, [old]))).not.toHaveProperty('refused');
  expect(checker([young]).check(signed(NOW, [old]))).toEqual({ refused: 'forged' });
});
