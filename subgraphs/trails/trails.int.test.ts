import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { OpenJournal } from '#journal/journal';
import { openCheckpoint } from '#journal/checkpoint';
import { parseVkey, type NoteKey } from '#journal/note';
import { CheckpointReader } from '#journal/checkpoint-reader';
import { lake, LakeService, StorageTally } from '#subgraphs/lake/index';
import { buildSubgraph, type Subgraph } from '#subgraphs/shared/build-subgraph';
import { trails, TrailsService } from '#subgraphs/trails/index';
import { plain, runAs } from '#test/events/run-subgraph';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const ONE = '111111111111';
const TWO = '222222222222';
const auditor: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const ingest: Principal = { keyId: 'in', role: 'ingest', accounts: [ONE] };
const MARCH = Date.UTC(2026, 2, 10);
const APRIL = Date.UTC(2026, 3, 10);
const log = { error: () => undefined };

let bed: LogBed;
let journal: OpenJournal;
let checkpoints: Subgraph;
let storage: Subgraph;
beforeAll(async () => {
  bed = await createLogBed();
  await bed.recover();
  journal = await bed.open();
  const { objects } = bed.deps;
  checkpoints = buildSubgraph(trails, {
    log,
    services: new TrailsService(new CheckpointReader(bed.database.pool, objects)),
  });
  const history = { counts: () => Promise.resolve({ total: 7, groups: [], moreGroups: false, buckets: [] }) };
  const tally = new StorageTally(objects);
  storage = buildSubgraph(lake, { log, services: new LakeService({ journal: tally, history }) });
});
afterAll(async () => {
  await journal.close();
  await bed.remove();
});

const LATEST = `query ($accounts: [_Any!]!) { _entities(representations: $accounts) {
  ... on Account { latestCheckpoint { origin size root note } } } }`;
const STORAGE = `query ($accounts: [_Any!]!) { _entities(representations: $accounts) {
  ... on Account { storage { parts { name events bytes } } } } }`;

async function entity(subgraph: Subgraph, text: string, principal = auditor, id = ONE) {
  const variables = { accounts: [{ __typename: 'Account', id }] };
  const { data, codes } = plain(await runAs(subgraph, principal, { text, variables }));
  return { codes, found: (data?.['_entities'] as Record<string, unknown>[] | undefined)?.[0] };
}

async function journalPart(account = ONE): Promise<{ events: number; bytes: number }> {
  const principal: Principal = { keyId: 'a', role: 'administrator', accounts: 'ALL' };
  const { found } = await entity(storage, STORAGE, principal, account);
  const { storage: stored } = found as {
    storage: { parts: { name: string; events: number; bytes: number }[] };
  };
  const { parts } = stored;
  expect(parts.map(({ name }) => name)).toEqual(['journal', 'history']);
  return { events: parts[0]?.events ?? -1, bytes: parts[0]?.bytes ?? -1 };
}

async function record(account: string, count: number, time: number): Promise<void> {
  const events = Array.from({ length: count }, () => testEvent(account, (number += 1), { time }));
  await appendEvents(journal, events);
}
let number = 0;

describe('a log from its first event to an erasure', () => {
  it('has the checkpoint of its key, and stores nothing, before the first segment', async () => {
    await record(ONE, 3, MARCH);
    expect((await entity(checkpoints, LATEST)).found).toMatchObject({ latestCheckpoint: { size: 1 } });
    expect(await journalPart()).toEqual({ events: 0, bytes: 0 });
  });

  it('shows the newest checkpoint, signed by the key that it shows', async () => {
    await journal.sealer.sealTail({ force: true });
    const before = await entity(checkpoints, LATEST);
    await record(ONE, 5, APRIL);
    await record(TWO, 4, APRIL);
    await journal.sealer.sealTail({ force: true });
    const { found } = await entity(checkpoints, LATEST);
    const latest = found?.['latestCheckpoint'] as { size: number; note: string; root: string };
    const earlier = before.found?.['latestCheckpoint'] as { size: number };
    expect(latest.size).toBeGreaterThan(earlier.size);

    const query = `query ($size: Long!) { publicKeys { vkey since sinceRecord } checkpoint(size: $size) { note } }`;
    const variables = { size: earlier.size };
    const { data } = plain(await runAs(checkpoints, auditor, { text: query, variables }));
    const { publicKeys, checkpoint } = data as {
      publicKeys: { vkey: string; sinceRecord: number }[];
      checkpoint: { note: string };
    };
    const keys = publicKeys.map(({ vkey }) => parseVkey(vkey));
    const known = keys.filter((key): key is NoteKey => key !== undefined);
    expect(known).toHaveLength(1);
    expect(openCheckpoint(latest.note, known)?.root.toString('base64')).toBe(latest.root);
    expect(openCheckpoint(checkpoint.note, known)?.size).toBe(earlier.size);
    const none = plain(await runAs(checkpoints, auditor, { text: query, variables: { size: 99_999 } }));
    expect(none.data?.['checkpoint']).toBeNull();
  });

  it('tells each account what the segments hold of it, and forgets what was erased', async () => {
    const [one, two] = [await journalPart(ONE), await journalPart(TWO)];
    expect([one.events, two.events]).toEqual([8, 4]);
    expect(one.bytes).toBeGreaterThan(100);
    await journal.erase({ account: ONE, before: Date.UTC(2026, 3, 1) });
    const rest = await journalPart(ONE);
    expect(rest.events).toBe(5);
    expect(rest.bytes).toBeLessThan(one.bytes);
    expect(await journalPart(TWO)).toEqual(two);
    await record(ONE, 2, MARCH + 1000);
    await journal.sealer.sealTail({ force: true });
    expect((await journalPart(ONE)).events).toBe(7);
  });

  it('shows neither to a key that does not see the account, or only writes', async () => {
    for (const [subgraph, text] of [
      [checkpoints, LATEST],
      [storage, STORAGE],
    ] as const) {
      expect(await entity(subgraph, text, auditor, TWO)).toEqual({ codes: [], found: null });
      expect((await entity(subgraph, text, ingest)).codes).toEqual(['FORBIDDEN']);
    }
    const keys = plain(await runAs(checkpoints, ingest, { text: '{ publicKeys { vkey } }' }));
    expect(keys.codes).toEqual(['FORBIDDEN']);
  });
});
