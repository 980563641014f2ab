import { expect, it } from 'vitest';
import { makeLinkToken, readLinkToken } from '#projections/export/link';

const SECRET = Buffer.from('a secret of the test');
const FILE = { id: '0198e5a2-6f0c-4d5e-9a51-7d1f2c3b4a59', generation: 0 };
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

it('is good as it was made, for its file and its writing alone', () => {
  const link = { keyId: 'key', expiresAt: Date.UTC(2026, 10, 23) };
  const token = makeLinkToken(SECRET, FILE, link);
  expect(readLinkToken(SECRET, FILE, token)).toEqual(link);
  expect(readLinkToken(SECRET, { ...FILE, generation: 1 }, token)).toBeUndefined();
  expect(readLinkToken(SECRET, { ...FILE, id: FILE.id.replace('0', '1') }, token)).toBeUndefined();
  expect(readLinkToken(Buffer.from('another'), FILE, token)).toBeUndefined();
});

it('is not good with another letter in any place, the last one too', () => {
  // Links that end in each of the letters that a MAC can end in.
  for (let expiresAt = 0; expiresAt < 100; expiresAt++) {
    const token = makeLinkToken(SECRET, FILE, { keyId: 'key', expiresAt });
    for (const letter of LETTERS) {
      const changed = token.slice(0, -1) + letter;
      expect(readLinkToken(SECRET, FILE, changed) !== undefined).toBe(changed === token);
    }
  }
  const token = makeLinkToken(SECRET, FILE, { keyId: 'key', expiresAt: 1 });
  for (let place = 0; place < token.length; place++) {
    const letter = token[place] === 'x' ? 'y' : 'x';
    expect(
      readLinkToken(SECRET, FILE, token.slice(0, place) + letter + token.slice(place + 1)),
    ).toBeUndefined();
  }
});
