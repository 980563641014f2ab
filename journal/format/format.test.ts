import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import {
  batchHash,
  decodeBatch,
  encodeBatch,
  encodeLedger,
  Entries,
  ENTRY_BYTES,
  nextChain,
} from '#journal/format/batch';
import type { Batch } from '#journal/format/batch';
import { ByteReader, ByteWriter } from '#journal/format/bytes';
import { decodeEnvelope, encodeEnvelope, EventLeafInput } from '#journal/format/envelope';
import {
  Commitments,
  decodeFrameHeader,
  encodePlain,
  joinFrames,
  newSeed,
  openFrame,
  sealFrame,
} from '#journal/format/frame';
import { Identities } from '#journal/format/identity';
import { monthName, monthOf, monthStart } from '#journal/format/month';

const sha = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};
const owner = { log: randomBytes(16), account: 123_456_789_012 };
const key = { id: randomBytes(16), secret: randomBytes(32) };

function frameOf(events: Buffer[], seed = newSeed()): Buffer {
  const runs = [{ seed, firstIndex: 0, count: events.length }];
  return sealFrame(owner, key, { plain: encodePlain(runs, events), count: events.length });
}

describe('bytes', () => {
  it('gives back every field that was written', () => {
    const wide = fc.record({
      a: fc.nat(255),
      b: fc.nat(65_535),
      c: fc.nat(),
      d: fc.maxSafeNat(),
      e: fc.string({ maxLength: 60 }),
    });
    fc.assert(
      fc.property(fc.array(wide, { maxLength: 20 }), (rows) => {
        const writer = new ByteWriter(1);
        for (const row of rows) writer.u8(row.a).u16(row.b).u32(row.c).u64(row.d).str8(row.e);
        const reader = new ByteReader(writer.finish(), 'test');
        for (const row of rows) {
          expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([
            row.a,
            row.b,
            row.c,
            row.d,
          ]);
          expect(reader.str8()).toBe(Buffer.from(row.e).toString());
        }
        reader.end();
      }),
    );
  });

  it('refuses what does not fit, with the offset in the object', () => {
    const reader = new ByteReader(Buffer.from([0, 0, 1]), 'thing', 100);
    reader.u8();
    expect(() => reader.u32()).toThrow('thing: 4 bytes expected, 2 left at byte 101');
    expect(() => new ByteReader(Buffer.alloc(8, 0xff), 'x').u64()).toThrow(CairnError);
    expect(() => new ByteReader(u32(1000), 'x').count(1)).toThrow('1000 items do not fit');
    expect(() => reader.end()).toThrow('2 bytes too many');
    expect(() => new ByteWriter().u64(2 ** 53)).toThrow(RangeError);
    expect(() => new ByteWriter().str8('x'.repeat(256))).toThrow(RangeError);
  });
});

describe('envelope', () => {
  const envelope = {
    log: owner.log,
    epoch: 3,
    position: 2 ** 40 + 5,
    receivedAt: 1_790_000_000_123,
    account: 7,
    source: 'key:ü',
  };

  it('is read back', () => {
    expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
    expect(() => decodeEnvelope(encodeEnvelope(envelope).subarray(0, 20))).toThrow(CairnError);
  });

  it('stands in the leaf input as "E", itself, the commitment', () => {
    const commitment = randomBytes(32);
    const leaf = new EventLeafInput(owner.log, 3);
    leaf.encode({ ...envelope, source: 'a much longer source than the next one' }, randomBytes(32));
    expect(leaf.encode(envelope, commitment)).toEqual(
      Buffer.concat([Buffer.from('E'), encodeEnvelope(envelope), commitment]),
    );
  });
});

describe('identity', () => {
  it('hashes as the format says, however long the id is', () => {
    const secret = randomBytes(32);
    const identities = new Identities(secret);
    const target = Buffer.alloc(32);
    for (const id of ['a', 'é'.repeat(3000), '', '3038ebd2-c98a-4c65-9b6e-e22506292313']) {
      identities.identityKey(42, id, target, 0);
      expect(target.subarray(0, 16)).toEqual(sha(Buffer.of(0x18), u64(42), Buffer.from(id)).subarray(0, 16));
    }
    for (const raw of [Buffer.from('{}'), randomBytes(100_000), Buffer.from('[]')]) {
      identities.contentHash(raw, target, 4);
      expect(target.subarray(4, 12)).toEqual(sha(Buffer.of(0x19), secret, raw).subarray(0, 8));
    }
  });

  it('counts months from 1970-01', () => {
    expect([monthOf(0), monthOf(Date.UTC(2026, 10, 30, 23, 59)), monthStart(1)]).toEqual([
      0,
      682,
      Date.UTC(1970, 1, 1),
    ]);
    expect(monthName(682)).toBe('2026-11');
  });
});

describe('frame', () => {
  const events = ['{"a":1}', '', 'x'.repeat(5000), '{"b":"ü"}'].map((text) => Buffer.from(text));

  it('gives back the events and their salts', () => {
    const seed = newSeed();
    const stored = frameOf(events, seed);
    expect(decodeFrameHeader(stored)).toMatchObject({ codec: 1, dictionary: 0, keyId: key.id, count: 4 });
    const frame = openFrame(stored, owner, key);
    expect(events.map((_, index) => frame.event(index))).toEqual(events);
    const commitments = new Commitments();
    const target = Buffer.alloc(32);
    commitments.commit(frame.run(2), frame.event(2), target, 0);
    const salt = sha(Buffer.of(0x10), seed, u32(2));
    expect(target).toEqual(sha(Buffer.of(0x11), salt, frame.event(2)));
    expect(commitments.withSalt(salt, frame.event(2))).toEqual(target);
    expect(() => frame.event(4)).toThrow(RangeError);
  });

  it('keeps what does not compress as it is', () => {
    const random = randomBytes(300);
    const stored = frameOf([random]);
    expect(decodeFrameHeader(stored).codec).toBe(0);
    expect(openFrame(stored, owner, key).event(0)).toEqual(random);
  });

  it('does not open when any byte, the owner, the log or the key differs', () => {
    const stored = frameOf(events);
    fc.assert(
      fc.property(fc.nat(stored.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(stored);
        changed.writeUInt8(changed.readUInt8(at) ^ flip, at);
        expect(() => openFrame(changed, owner, key)).toThrow(CairnError);
      }),
    );
    expect(() => openFrame(stored.subarray(0, -1), owner, key)).toThrow(CairnError);
    expect(() => openFrame(stored.subarray(0, 60), owner, key)).toThrow(CairnError);
    expect(() => openFrame(stored, { ...owner, account: 1 }, key)).toThrow('authentication failed');
    expect(() => openFrame(stored, { ...owner, log: randomBytes(16) }, key)).toThrow('authentication failed');
    expect(() => openFrame(stored, owner, { ...key, secret: randomBytes(32) })).toThrow(
      'authentication failed',
    );
  });

  it('refuses a plaintext whose counts and lengths do not add up', () => {
    const plain = encodePlain([{ seed: newSeed(), firstIndex: 0, count: 2 }], events.slice(0, 2));
    const broken = (change: (bytes: Buffer) => void, count = 2): Buffer => {
      const bytes = Buffer.from(plain);
      change(bytes);
      return sealFrame(owner, key, { plain: bytes, count });
    };
    for (const stored of [
      broken(() => undefined, 3),
      broken((bytes) => bytes.writeUInt32BE(0xffff_ffff, 0)),
      broken((bytes) => bytes.writeUInt32BE(8, 44)),
      broken((bytes) => bytes.writeUInt32BE(0x8000_0020, 44)),
    ]) {
      expect(() => openFrame(stored, owner, key)).toThrow(CairnError);
    }
  });

  it('joins frames without changing a commitment', () => {
    const text = fc.array(fc.string(), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (frames) => {
        const opened = frames.map((texts) =>
          openFrame(frameOf(texts.map((value) => Buffer.from(value))), owner, key),
        );
        const joined = joinFrames([joinTwice(opened), ...opened.slice(1)]);
        const again = openFrame(sealFrame(owner, key, joined), owner, key);
        expect(commitmentsOf(again)).toEqual(opened.flatMap(commitmentsOf));
      }),
    );

    function joinTwice(opened: ReturnType<typeof openFrame>[]): ReturnType<typeof openFrame> {
      return openFrame(sealFrame(owner, key, joinFrames(opened.slice(0, 1))), owner, key);
    }
    function commitmentsOf(frame: ReturnType<typeof openFrame>): string[] {
      const commitments = new Commitments();
      return Array.from({ length: frame.count }, (_, index) => {
        const target = Buffer.alloc(32);
        commitments.commit(frame.run(index), frame.event(index), target, 0);
        return target.toString('hex');
      });
    }
  });
});

describe('batch', () => {
  const ledger = [{ source: 'key:a', received: 5, accepted: 3, duplicate: 1, conflict: 0, refused: 1 }];
  const batch: Batch = {
    id: randomBytes(16),
    ledger,
    entries: new Entries(randomBytes(3 * ENTRY_BYTES)),
    frames: [
      { account: 5, month: 600, stored: Buffer.from('frame one'), indexes: Uint32Array.of(2, 0) },
      { account: 6, month: 601, stored: Buffer.from('two'), indexes: Uint32Array.of(1) },
    ],
  };

  it('is read back', () => {
    expect(decodeBatch(encodeBatch(batch))).toEqual(batch);
    const empty = { ...batch, entries: new Entries(Buffer.alloc(0)), frames: [] };
    expect(decodeBatch(encodeBatch(empty))).toEqual(empty);
  });

  it('is refused when cut or when an entry has no frame or two', () => {
    const bytes = encodeBatch(batch);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeBatch(bytes.subarray(0, length))).toThrow(CairnError);
    }
    const twice = { ...batch, frames: [batch.frames[0], batch.frames[0]] as Batch['frames'] };
    expect(() => decodeBatch(encodeBatch(twice))).toThrow('missing or twice');
    expect(() => decodeBatch(encodeBatch({ ...batch, frames: batch.frames.slice(1) }))).toThrow(
      'without a frame',
    );
    expect(() => decodeBatch(Buffer.concat([bytes, Buffer.of(0)]))).toThrow('too many');
  });

  it('hashes ledger and entries, and chains with place and time', () => {
    const lines = encodeLedger(ledger);
    const hash = batchHash(batch.id, lines, batch.entries.bytes);
    expect(hash).toEqual(sha(Buffer.of(0x12), batch.id, lines, u32(3), batch.entries.bytes));
    const previous = Buffer.alloc(32);
    expect(nextChain(previous, hash, { first: 9, receivedAt: 1_790_000_000_000 })).toEqual(
      sha(Buffer.of(0x13), previous, hash, u64(9), u64(1_790_000_000_000)),
    );
  });
});
