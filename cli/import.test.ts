import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CairnClient } from '#cli/client';
import { register } from '#cli/import';
import { createBulkDoor } from '#subgraphs/events/bulk/door';
import { EventRecorder } from '#subgraphs/events/record';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { MemoryJournal, testEventIds } from '#test/events/memory-journal';
import { recordText, recordTexts } from '#test/events/records';
import { serve } from '#test/federation/serve';

let open: AsyncDisposableStack;
let folder: string;
let cairnImport: () => Promise<{ code: number; summary: Record<string, unknown>; refusals: object[] }>;

/** The real door over a journal in memory, and the command as main.ts registers it. */
beforeEach(async () => {
  open = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), 'cairn-import-'));
  open.defer(() => rm(root, { recursive: true }));
  folder = join(root, 'logs.d');
  const state = join(root, 'state');
  const door = createBulkDoor({
    recorder: new EventRecorder({
      journal: new MemoryJournal(),
      accounts: new MemoryAccounts('111111111111'),
      eventIds: testEventIds,
      now: Date.now,
    }),
    authenticate: () => Promise.resolve({ keyId: 'k1', role: 'administrator', accounts: 'ALL' }),
    log: { error: () => undefined },
  });
  const { origin } = open.use(await serve((request, response) => door(request, response, 'r1')));
  cairnImport = async () => {
    let code = 0;
    const printed: string[] = [];
    const program = new Command();
    const cli = {
      connect: () => new CairnClient({ url: origin, apiKey: 'cairn_k1_secret' }),
      print: async (text: string) => void printed.push(text),
      stderr: { write: () => true },
      exitWith: (given: number) => (code = given),
      color: false,
    };
    register(program, cli, state);
    await program.parseAsync(['import', folder, '-o', 'json'], { from: 'user' });
    const summary = JSON.parse(printed.join('')) as Record<string, unknown> & { folder: string };
    const lines = (await readFile(join(summary.folder, 'refusals.ndjson'), 'utf8')).trimEnd().split('\n');
    return { code, summary, refusals: lines.map((line) => JSON.parse(line) as object) };
  };
});
afterEach(() => open[Symbol.asyncDispose]());

async function logs(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
}

const DIGEST = JSON.stringify({ awsAccountId: '111111111111', digestStartTime: '2026-03-01T09:00:00Z' });

it('goes on behind a file that cannot be read, lists it, and tries it again', async () => {
  const [first = '', second = '', third = ''] = recordTexts(3);
  await logs({
    'a-cut.json': `{"Records":[${first},{"eventVersion`,
    'b-cut.json.gz': gzipSync(`{"Records":[${second}]}`).subarray(0, -12),
    'c-digest.json': DIGEST,
    'd-good.json': `{"Records":[${third}]}`,
  });
  const { code, summary, refusals } = await cairnImport();
  expect(code).toBe(1);
  expect(summary).toMatchObject({ files: 4, unreadable: 2, digests: 1, refused: 2 });
  expect(refusals).toContainEqual(
    expect.objectContaining({ file: join(folder, 'a-cut.json'), code: 'INVALID_JSON', path: 'body' }),
  );
  expect(refusals).toContainEqual(
    expect.objectContaining({ file: join(folder, 'b-cut.json.gz'), code: 'INVALID_ARGUMENT', path: 'body' }),
  );

  await logs({ 'a-cut.json': first, 'b-cut.json.gz': gzipSync(second) });
  const again = await cairnImport();
  expect(again.code).toBe(0);
  expect(again.summary).toMatchObject({ files: 2, unreadable: 0, received: 2, refused: 0, skipped: 2 });
});

it('lists refused and conflicting events with their files', async () => {
  const other = recordText({ eventName: 'PutObject' });
  await logs({ 'a.json': [recordText(), other, '{}'].join('\n') });
  const { code, summary, refusals } = await cairnImport();
  expect([code, summary['conflicts'], summary['refused']]).toEqual([1, 1, 1]);
  expect(refusals).toMatchObject([
    { file: join(folder, 'a.json'), index: 1, code: 'CONFLICT' },
    { file: join(folder, 'a.json'), index: 2, code: 'FIELD_NOT_FOUND' },
  ]);
});
