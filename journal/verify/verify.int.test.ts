import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCheckpoint, signCheckpoint } from '#journal/checkpoint';
import { encodeLogObject } from '#journal/format/log-object';
import { encodeRecord, NO_SIGNATURE } from '#journal/format/record';
import { signingKeyOf, signingKeyPath } from '#journal/signing-key';
import type { Finding } from '#journal/verify/finding';
import { verifyJournal, type VerifyOptions, type VerifyReport } from '#journal/verify/verify';
import type { KeyProvider } from '#platform/keys';
import { createTestDatabase } from '#test/harness';
import { appendEvents, createLogBed, testEvent } from '#test/log-bed';
import { MemoryObjects } from '#test/memory-objects';

const MARCH = Date.UTC(2026, 2, 3);
const APRIL = Date.UTC(2026, 3, 3);
const A = '111111111111';
const B = '222222222222';

/** A journal's three stores, in memory. */
interface Copy {
  readonly objects: MemoryObjects;
  readonly keyObjects: MemoryObjects;
  readonly anchor: MemoryObjects;
}

let keys: KeyProvider;
let original: Copy;
let origin: string;

function copyOf(copy: Copy): Copy {
  return { objects: copy.objects.clone(), keyObjects: copy.keyObjects.clone(), anchor: copy.anchor.clone() };
}

function verify(copy: Copy, options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return verifyJournal({ ...copy, keys, ...options });
}

/** Two epochs, seven segments, an erasure, two signing keys, an empty segment. */
beforeAll(async () => {
  const bed = await createLogBed();
  await bed.recover();
  let journal = await bed.open();
  let number = 0;
  const round = async (events: number): Promise<void> => {
    const batch = [];
    for (let n = 0; n < events; n++, number++) {
      const time = number % 3 === 0 ? MARCH : APRIL;
      batch.push(testEvent(number % 2 === 0 ? A : B, number, { time, bytes: 40 + (number % 5) * 30 }));
    }
    await appendEvents(journal, batch.slice(0, 2), 'key:one');
    await appendEvents(journal, batch.slice(2), 'key:two');
    await journal.sealer.sealTail({ force: true });
  };
  for (const events of [3, 8, 5]) await round(events);
  await journal.erase({ account: B, before: Date.UTC(2026, 3, 1) });
  await journal.sealer.rotateSigningKey();
  await round(4);
  await journal.close();
  const other = bed.withDatabase(await createTestDatabase());
  await other.recover();
  journal = await other.open();
  for (const events of [6, 2, 7]) await round(events);
  await journal.close();
  keys = bed.deps.keys;
  original = {
    objects: await MemoryObjects.copyOf(bed.deps.objects),
    keyObjects: await MemoryObjects.copyOf(bed.deps.keyObjects),
    anchor: await MemoryObjects.copyOf(bed.deps.anchor),
  };
  origin = [...original.anchor.objects.keys()][0]?.split('/')[0] ?? '';
  await bed.database.drop();
  await other.remove();
});

const ERASURE = 'log/00000000/0000000000000004';
const STORES = ['objects', 'keyObjects', 'anchor'] as const;
const LABELS = { objects: 'objects', keyObjects: 'keys', anchor: 'anchor' } as const;

/** Every object of the three stores, with what a finding calls it. */
function everyObject(): { store: (typeof STORES)[number]; key: string; where: string }[] {
  return STORES.flatMap((store) =>
    [...original[store].objects.keys()].map((key) => ({ store, key, where: `${LABELS[store]}:${key}` })),
  );
}

/** An object that holds nothing but a record, unsigned, that claims this place. */
function recordOf(sequence: number, epoch: number): Buffer {
  const place = { log: Buffer.alloc(16), epoch, sequence, previous: Buffer.alloc(32), time: 1 };
  const key = { publicKey: Buffer.alloc(32), signature: NO_SIGNATURE, previousSignature: NO_SIGNATURE };
  return encodeLogObject(encodeRecord(place, { kind: 'key', ...key }), []);
}

function bad(report: VerifyReport): readonly Finding[] {
  return report.findings.filter((finding) => finding.kind !== 'erased');
}

/** Findings that name the object and, when they name bytes, hold the damaged one. */
function located(report: VerifyReport, where: string, offset?: number): readonly Finding[] {
  return bad(report).filter(({ where: found, bytes }) => {
    if (found !== where) return false;
    return (
      bytes === undefined ||
      offset === undefined ||
      (offset >= bytes.offset && offset < bytes.offset + bytes.length)
    );
  });
}

describe('verify', () => {
  it('finds nothing wrong with what the product wrote, with and without keys, and names what was erased', async () => {
    for (const options of [{}, { keys: undefined }, { anchor: undefined }]) {
      const progress: number[] = [];
      const report = await verify(original, {
        ...options,
        onProgress: ({ records }) => progress.push(records),
      });
      expect(bad(report)).toEqual([]);
      expect(report).toMatchObject({
        ok: true,
        log: origin,
        records: 11,
        unsigned: 0,
        position: 35,
        events: 35,
      });
      expect(report.erased).toBeGreaterThan(0);
      expect(report.findings).toMatchObject([{ kind: 'erased', where: `objects:${ERASURE}` }]);
      expect(progress).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    }
  });

  it('counts what the segments count', async () => {
    const { counters } = await verify(original);
    const accepted = counters.reduce((sum, line) => sum + line.accepted, 0);
    expect(counters.map(({ source }) => source)).toEqual(['key:one', 'key:two']);
    expect(accepted).toBe(35);
  });

  it('reads only the segments of a range', async () => {
    const { ok, events } = await verify(original, { range: { from: 12, to: 13 } });
    expect({ ok, events }).toEqual({ ok: true, events: 5 });
  });

  it('finds and locates a flipped bit anywhere', async () => {
    const objects = everyObject();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 7 }), async (pick, at, bit) => {
        const { store, key, where } = objects[pick % objects.length]!;
        const copy = copyOf(original);
        const bytes = Buffer.from(copy[store].objects.get(key)!);
        const offset = at % bytes.length;
        bytes[offset]! ^= 1 << bit;
        copy[store].objects.set(key, bytes);
        const report = await verify(copy);
        expect(report.ok).toBe(false);
        expect(located(report, where, offset)).not.toEqual([]);
        // Who damages an erasure record takes from the keys the reason to be missing.
        const follows = (finding: Finding): boolean => key === ERASURE && finding.where.startsWith('keys:');
        expect(bad(report).filter((finding) => finding.where !== where && !follows(finding))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('finds and locates whatever is cut off or added at an end', async () => {
    const objects = everyObject();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.boolean(), async (pick, by, cut) => {
        const { store, key, where } = objects[pick % objects.length]!;
        const copy = copyOf(original);
        const bytes = copy[store].objects.get(key)!;
        const changed = cut
          ? bytes.subarray(0, by % bytes.length)
          : Buffer.concat([bytes, Buffer.alloc(1 + (by % 50), by)]);
        copy[store].objects.set(key, changed);
        const report = await verify(copy);
        expect(report.ok).toBe(false);
        expect(located(report, where)).not.toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it('finds every object that is removed', async () => {
    for (const { store, key, where } of everyObject()) {
      const copy = copyOf(original);
      copy[store].objects.delete(key);
      const report = await verify(copy);
      const unused = where.startsWith('keys:') && !where.startsWith('keys:signing/');
      if (unused && report.ok) {
        // A key that no segment uses: made for the tail that was lost.
        continue;
      }
      const named = key.startsWith('log/') ? `objects:log record ${Number(key.slice(-16))}` : where;
      expect(bad(report).map((finding) => finding.where)).toContain(named);
    }
  });

  it('finds objects that change places, and copies under other names', async () => {
    const objects = everyObject();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.boolean(), async (pick, other, swap) => {
        const one = objects[pick % objects.length]!;
        const same = objects.filter(({ store, key }) => {
          return store === one.store && key.split('/')[0] === one.key.split('/')[0] && key !== one.key;
        });
        const two = same[other % same.length];
        if (two === undefined) return;
        const copy = copyOf(original);
        const first = copy[one.store].objects.get(one.key)!;
        const second = copy[one.store].objects.get(two.key)!;
        fc.pre(!first.equals(second));
        copy[one.store].objects.set(two.key, first);
        if (swap) copy[one.store].objects.set(one.key, second);
        const report = await verify(copy);
        expect(located(report, two.where)).not.toEqual([]);
        if (swap) expect(located(report, one.where)).not.toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['objects', 'log/00000001/0000000000000011'],
    ['objects', 'log/00000001/0000000000000003'],
    ['objects', 'log/00000000/0000000000000099'],
    ['objects', 'log/extra'],
    ['objects', 'checkpoint/0000000000000099'],
    ['objects', 'checkpoint/latest'],
    ['objects', 'tile/0/001'],
    ['objects', 'tile/9/000'],
    ['objects', 'tile/0/000.p/12'],
    ['objects', 'tile/0/000'],
    ['keyObjects', 'signing/abc'],
    ['keyObjects', 'note'],
    ['keyObjects', '111111111111/2026-03/00000000-0000-4000-8000-000000000000'],
  ] as const)('finds what was added to the %s as %s', async (store, key) => {
    for (const bytes of [original.objects.objects.get('log/00000000/0000000000000001')!, Buffer.alloc(0)]) {
      const copy = copyOf(original);
      copy[store].objects.set(key, bytes);
      expect(located(await verify(copy), `${LABELS[store]}:${key}`)).not.toEqual([]);
    }
  });

  it('finds a newest segment that was dropped with its checkpoint and tiles, through the anchor', async () => {
    const copy = copyOf(original);
    copy.objects.objects.delete('log/00000001/0000000000000010');
    copy.objects.objects.delete('checkpoint/0000000000000011');
    copy.objects.objects.delete('tile/0/000.p/11');
    copy.objects.objects.delete('tile/entries/000.p/11');
    const report = await verify(copy);
    expect(report.findings.map(({ where }) => where)).toContain('objects:log record 10');
    expect((await verify(copy, { anchor: undefined })).ok).toBe(true);
  });

  it('finds a whole log that was dropped with all its checkpoints and tiles, through the anchor', async () => {
    const report = await verify({ ...copyOf(original), objects: new MemoryObjects() });
    expect(report).toMatchObject({ ok: false, records: 0 });
    expect(report.findings.map(({ where }) => where)).toContain('objects:log record 0');
    const nothing = { keyObjects: new MemoryObjects(), anchor: new MemoryObjects() };
    expect((await verify({ ...nothing, objects: new MemoryObjects() })).ok).toBe(true);
  });

  /** The largest numbers that the names hold: nobody may walk up to them. */
  it.each([
    ['objects', 'log/00000001/9999999999999999', Buffer.alloc(0)],
    ['objects', 'log/99999999/9007199254740991', recordOf(9_007_199_254_740_991, 99_999_999)],
    ['objects', 'checkpoint/9999999999999999', Buffer.alloc(0)],
    ['objects', 'checkpoint/9007199254740991', Buffer.alloc(0)],
    ['anchor', '/9999999999999999', Buffer.from('x')],
    ['anchor', '/9007199254740991', Buffer.from('x')],
  ] as const)('does not walk to where a name in the %s points: %s', async (store, name, bytes) => {
    const copy = copyOf(original);
    const key = store === 'anchor' ? origin + name : name;
    copy[store].objects.set(key, bytes);
    const report = await verify(copy);
    expect(located(report, `${LABELS[store]}:${key}`)).not.toEqual([]);
    expect(report).toMatchObject({ records: 11, position: 35 });
    expect(bad(report).length).toBeLessThanOrEqual(2);
  });

  it('finds a key that was erased and is there again, and a key that is gone without an erasure', async () => {
    const copy = copyOf(original);
    const [name, wrapped] = [...copy.keyObjects.objects].find(([key]) => key.startsWith(`${A}/2026-04`))!;
    copy.keyObjects.objects.delete(name);
    expect(located(await verify(copy), `keys:${name}`)).toMatchObject([{ kind: 'missing' }]);
    const back = copyOf(original);
    const erasure = original.objects.objects.get(ERASURE)!;
    const id = erasure.subarray(-18, -2).toString('hex');
    const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    back.keyObjects.objects.set(`${B}/2026-03/${uuid}`, wrapped);
    expect(located(await verify(back), `keys:${B}/2026-03/${uuid}`)).not.toEqual([]);
  });

  it('does not believe a checkpoint that a stranger signed and whose key he left in the key store', async () => {
    const stranger = signingKeyOf(Buffer.alloc(32, 7));
    const copy = copyOf(original);
    const key = 'checkpoint/0000000000000011';
    const genuine = parseCheckpoint(copy.objects.objects.get(key)!.toString());
    if (genuine === undefined) throw new Error('no checkpoint');
    copy.objects.objects.set(key, Buffer.from(signCheckpoint(genuine, { ...stranger, name: origin })));
    copy.keyObjects.objects.set(signingKeyPath(stranger.publicKey), Buffer.alloc(61));
    const report = await verify(copy, { anchor: undefined, keys: undefined });
    expect(located(report, `objects:${key}`)).not.toEqual([]);
  });

  it('believes only the keys that it is told to trust', async () => {
    const stranger = { name: origin, publicKey: Buffer.alloc(32, 1) };
    expect((await verify(original, { trusted: [stranger] })).ok).toBe(false);
  });
});

afterAll(() => {
  original.objects.objects.clear();
});
