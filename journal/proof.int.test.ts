import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointReader, publicKeysOf } from '#journal/checkpoint-reader';
import type { OpenJournal } from '#journal/journal';
import { proveConsistency, proveEvent, type ProofDeps } from '#journal/proof';
import { KeyRecordStore } from '#journal/store/key-record-store';
import type { NewEvent } from '#journal/types';
import { verifyProof } from '#journal/verify-proof';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const A = '111111111111';

let bed: LogBed;
let journal: OpenJournal;
let deps: ProofDeps;
let reader: CheckpointReader;

async function begin(options?: Parameters<typeof createLogBed>[0]): Promise<void> {
  bed = await createLogBed(options);
  await bed.recover();
  journal = await bed.open();
  const records = new KeyRecordStore(bed.deps.pool);
  deps = { ...bed.deps, isRecorded: (key) => records.isRecorded(key) };
  reader = new CheckpointReader(bed.deps.pool, bed.deps.objects);
}

beforeEach(() => begin());
afterEach(async () => {
  await journal.close();
  await bed.remove();
});

async function vkey(): Promise<string> {
  return (await reader.publicKeys()).at(-1)?.vkey ?? '';
}

function seal(): Promise<number> {
  return journal.sealer.sealTail({ force: true });
}

describe('an inclusion proof', () => {
  it('shows an event, or only that it is there, and stays under 10 KB with 10,000 accounts in the segment', async () => {
    await journal.close();
    await bed.remove();
    await begin({ memoryKeys: true });
    const events: NewEvent[] = [];
    for (let n = 0; n < 10_000; n++) events.push(testEvent(String(300_000_000_000 + n), n, { time: MARCH }));
    events.push(testEvent(A, 77, { time: MARCH, bytes: 900 }));
    for (let from = 0; from < events.length; from += 2_000)
      await appendEvents(journal, events.slice(from, from + 2_000));
    await seal();
    const request = { account: A, eventId: 'event-77' };
    const closed = JSON.stringify(await proveEvent(deps, request));
    const shown = JSON.stringify(await proveEvent(deps, { ...request, disclose: true }));
    expect(closed.length).toBeLessThan(10_000);
    expect(shown.length).toBeLessThan(10_000);
    expect(closed).not.toContain('salt');
    expect(verifyProof(closed, await vkey())).toMatchObject({
      account: A,
      position: 10_000,
      source: 'key:test',
      event: undefined,
    });
    expect(verifyProof(shown, await vkey()).event).toEqual(events.at(-1)?.raw);
  });

  it('is refused while the event is in the tail, and for an event that is nowhere', async () => {
    await appendEvents(journal, [testEvent(A, 1, { time: MARCH })]);
    await expect(proveEvent(deps, { account: A, eventId: 'event-1' })).rejects.toMatchObject({
      code: 'NOT_SEALED',
    });
    await expect(proveEvent(deps, { account: A, eventId: 'event-2' })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    await seal();
    await expect(proveEvent(deps, { account: A, eventId: 'event-1' })).resolves.toMatchObject({
      logIndex: 1,
    });
  });

  it("outlives the event's erasure and its neighbours', but shows the event no more", async () => {
    const B = '222222222222';
    await appendEvents(journal, [testEvent(A, 1, { time: MARCH }), testEvent(B, 2, { time: MARCH })]);
    await seal();
    const before = JSON.stringify(await proveEvent(deps, { account: B, eventId: 'event-2', disclose: true }));
    await journal.erase({ account: A, before: undefined });
    expect(verifyProof(before, await vkey()).account).toBe(B);
    const after = JSON.stringify(await proveEvent(deps, { account: A, eventId: 'event-1' }));
    expect(verifyProof(after, await vkey())).toMatchObject({ account: A, size: 3 });
    await expect(proveEvent(deps, { account: A, eventId: 'event-1', disclose: true })).rejects.toMatchObject({
      code: 'ERASED',
    });
  });

  it('holds for nothing else: any changed field, another key, another log', async () => {
    await appendEvents(
      journal,
      [1, 2, 3, 4, 5].map((n) => testEvent(n < 4 ? A : '222222222222', n, { time: MARCH })),
    );
    await seal();
    await seal();
    const proof = await proveEvent(deps, { account: A, eventId: 'event-2', disclose: true });
    const key = await vkey();
    const good = JSON.stringify(proof);
    expect(verifyProof(good, key).position).toBe(1);
    const changed: [string, unknown][] = [
      ['format', { ...proof, format: 'cairn-proof/2' }],
      ['log', { ...proof, log: '00000000-0000-4000-8000-000000000000' }],
      ['logIndex', { ...proof, logIndex: 0 }],
      ['logPath', { ...proof, logPath: proof.logPath.slice(1) }],
      ['block.index', { ...proof, block: { ...proof.block, index: 0 } }],
      ['block.count', { ...proof, block: { ...proof.block, count: 4 } }],
      ['block.month', { ...proof, block: { ...proof.block, month: '2026-04' } }],
      ['block.account', { ...proof, block: { ...proof.block, account: '222222222222' } }],
      ['segment.index', { ...proof, segment: { ...proof.segment, index: 1 } }],
      ['checkpoint', { ...proof, checkpoint: proof.checkpoint.replace('\n2\n', '\n3\n') }],
    ];
    for (const month of ['1969-12', '0000-01', '9999-12', '2026-3', '2026-13']) {
      changed.push([`block.month ${month}`, { ...proof, block: { ...proof.block, month } }]);
    }
    for (const account of ['1.11111111111e11', ' 111111111111', '0111111111111', '0x19debd01c7']) {
      changed.push([`block.account ${account}`, { ...proof, block: { ...proof.block, account } }]);
    }
    const salt = Buffer.from(proof.salt ?? '', 'base64');
    const event = Buffer.from(proof.event ?? '', 'base64');
    for (const [name, bytes, shown] of [
      ['longer', Buffer.concat([salt, Buffer.of(7)]), event],
      ['as long as the salt and the event', Buffer.concat([salt, event]), Buffer.alloc(0)],
      ['longer than any event', Buffer.alloc(40_000), event],
      ['empty', Buffer.alloc(0), event],
    ] as const) {
      const other = { salt: bytes.toString('base64'), event: shown.toString('base64') };
      changed.push([`a salt that is ${name}`, { ...proof, ...other }]);
    }
    for (const field of ['envelope', 'commitment', 'salt', 'event'] as const) {
      const bytes = Buffer.from(proof[field] ?? '', 'base64');
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
      changed.push([field, { ...proof, [field]: bytes.toString('base64') }]);
    }
    for (const [field, value] of changed) {
      expect(() => verifyProof(JSON.stringify(value), key), field).toThrow(/proof/i);
    }
    // Whatever one character becomes: refused with a reason, or it proves the very same.
    const proven = verifyProof(good, key);
    const byte = fc.record({ at: fc.nat(good.length - 1), to: fc.string({ minLength: 0, maxLength: 2 }) });
    fc.assert(
      fc.property(byte, ({ at, to }) => {
        let found;
        try {
          found = verifyProof(good.slice(0, at) + to + good.slice(at + 1), key);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^(CORRUPT|INVALID_ARGUMENT)$/) });
          return;
        }
        expect({ ...found, event: found.event ?? proven.event }).toEqual(proven);
      }),
      { numRuns: 1500 },
    );
    const other = await createLogBed();
    await other.recover();
    const [stranger] = await publicKeysOf(other.deps.objects);
    expect(() => verifyProof(good, stranger?.vkey ?? '')).toThrow(/not signed by this key/);
    await other.remove();
  });
});

describe('consistency', () => {
  it('shows that an older checkpoint is of the same log, across keys, and refuses what is not', async () => {
    for (let n = 0; n < 5; n++) {
      await appendEvents(journal, [testEvent(A, n, { time: MARCH })]);
      await seal();
      if (n === 2) await journal.sealer.rotateSigningKey();
    }
    const keys = await publicKeysOf(bed.deps.objects);
    expect(keys).toEqual(await reader.publicKeys());
    expect(keys.map(({ sequence }) => sequence)).toEqual([0, 4]);
    const newest = await reader.latest();
    expect(newest?.size).toBe(7);
    for (let size = 1; size <= 7; size++) {
      const old = await reader.at(size);
      const proof = await proveConsistency(bed.deps.objects, old?.note ?? '', keys);
      expect(proof).toMatchObject({ old: { size }, now: { size: 7 } });
    }
    const other = await createLogBed();
    await other.recover();
    const foreign = new CheckpointReader(other.deps.pool, other.deps.objects);
    const note = (await foreign.latest())?.note ?? '';
    await expect(proveConsistency(bed.deps.objects, note, keys)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await other.remove();
  });
});
