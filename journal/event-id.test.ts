import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventIds } from '#journal/event-id';

describe('EventIds', () => {
  const ids = new EventIds(randomBytes(32));
  const place = { epoch: fc.nat(65_535), position: fc.nat(2 ** 48 - 1) };

  it('gives back what it stands for', () => {
    fc.assert(
      fc.property(fc.record(place), fc.nat(2 ** 40 - 1), (at, seconds) => {
        const id = ids.encode(at, seconds * 1000 + 999);
        expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
        expect(ids.encode(at, seconds * 1000)).toBe(id);
        expect(ids.decode(id)).toEqual({ place: at, eventSeconds: seconds });
      }),
    );
  });

  it('shows nothing of the order and knows its own', () => {
    const [first, second] = [0, 1].map((position) => ids.encode({ epoch: 0, position }, 0));
    expect(first?.slice(0, 8)).not.toBe(second?.slice(0, 8));
    expect(new EventIds(randomBytes(32)).decode(first ?? '')).toBeUndefined();
  });

  it('refuses what it never gave out', () => {
    const id = ids.encode({ epoch: 1, position: 2 }, 3000);
    for (const text of [
      '',
      'x',
      `${id}A`,
      id.slice(1),
      `${id.slice(0, 21)}+`,
      randomBytes(16).toString('hex'),
    ]) {
      expect(ids.decode(text)).toBeUndefined();
    }
    const flipped = Buffer.from(id, 'base64url');
    flipped.writeUInt8(flipped.readUInt8(3) ^ 1, 3);
    expect(ids.decode(flipped.toString('base64url'))).toBeUndefined();
    // Another spelling of the same bytes would be a second id of one event.
    const other = id.slice(0, 21) + String.fromCharCode((id.codePointAt(21) ?? 0) + 1);
    expect(ids.decode(other)).toBeUndefined();
    expect(() => ids.encode({ epoch: 65_536, position: 0 }, 0)).toThrow(RangeError);
    expect(() => ids.encode({ epoch: 0, position: 2 ** 48 }, 0)).toThrow(RangeError);
  });
});
