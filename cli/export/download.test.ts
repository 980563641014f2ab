import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { downloadExport } from '#cli/export/download';
import { bar, type ExportView } from '#cli/export/start-export';
import { readRange } from '#platform/http/file-range';

const BYTES = Buffer.from('0123456789'.repeat(10_000));
const ID = '11111111-2222-4333-8444-555555555555';
const sha256 = createHash('sha256').update(BYTES).digest('hex');

let open: AsyncDisposableStack;
let folder: string;
/** What the platform has: other bytes than those of the SHA-256 are damage. */
let served: Buffer;
/** Bytes after which each answer breaks off; undefined: none does. */
let breakAfter: number | undefined;
let asked: (string | undefined)[];

beforeEach(async () => {
  open = new AsyncDisposableStack();
  folder = await mkdtemp(join(tmpdir(), 'cairn-download-'));
  open.defer(() => rm(folder, { recursive: true }));
  [served, breakAfter, asked] = [BYTES, undefined, []];
});
afterEach(() => open.disposeAsync());

function view(): ExportView {
  return {
    id: ID,
    state: 'SUCCEEDED',
    error: null,
    fileName: 'file',
    sha256,
    statement: 'note',
    progress: { rows: 1, bytes: BYTES.length, total: 1, share: 1 },
    link: { path: '/file' },
  };
}

const client: Parameters<typeof downloadExport>[0]['client'] = {
  query: <T>() => Promise.resolve({ export: view() } as T),
  request: (_, init) => {
    const headers = Object.fromEntries(new Headers(init.headers));
    asked.push(headers['range']);
    const range = readRange(headers, { size: served.length, etag: `"${sha256}"` });
    if (range === 'unsatisfiable') return Promise.resolve(new Response(null, { status: 416 }));
    const body = served.subarray(range.from, range.to);
    return Promise.resolve(new Response(streamOf(body), { status: range.isWhole ? 200 : 206 }));
  },
};

/** Gives a chunk when the one before was taken, and breaks where it is told to. */
function streamOf(body: Buffer): ReadableStream<Uint8Array> {
  const chunks = breakAfter === undefined ? [body] : breakAfter === 0 ? [] : [body.subarray(0, breakAfter)];
  const isBroken = breakAfter !== undefined && breakAfter < body.length;
  return new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        const chunk = chunks.shift();
        if (chunk !== undefined) controller.enqueue(new Uint8Array(chunk));
        else if (isBroken) controller.error(new TypeError('terminated'));
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

const start = (): Promise<void> =>
  downloadExport({
    cli: { stderr: { write: () => true } },
    client,
    view: view(),
    file: join(folder, 'file'),
    pauseMs: 1,
  });

it('brings the file, and leaves nothing beside it', async () => {
  await start();
  expect((await readFile(join(folder, 'file'))).equals(BYTES)).toBe(true);
  expect(await readdir(folder)).toEqual(['file']);
});

it('goes on where the connection broke, as often as it does', async () => {
  breakAfter = 30_000;
  await start();
  expect((await readFile(join(folder, 'file'))).equals(BYTES)).toBe(true);
  expect(asked).toEqual([undefined, 'bytes=30000-', 'bytes=60000-', 'bytes=90000-']);
});

it('goes on with what an earlier command left', async () => {
  await writeFile(join(folder, `file.${ID}.part`), BYTES.subarray(0, 70_000));
  await start();
  expect(asked).toEqual(['bytes=70000-']);
  expect((await readFile(join(folder, 'file'))).equals(BYTES)).toBe(true);
});

it('keeps nothing that is not what the platform said', async () => {
  served = Buffer.from(BYTES);
  served.write('x', 50_000);
  await expect(start()).rejects.toThrow(expect.objectContaining({ code: 'CORRUPT' }));
  expect(await readdir(folder)).toEqual([]);
});

it('gives up when nothing comes any more, and keeps what came', async () => {
  breakAfter = 0;
  await writeFile(join(folder, `file.${ID}.part`), BYTES.subarray(0, 10));
  await expect(start()).rejects.toThrow();
  expect((await readFile(join(folder, `file.${ID}.part`))).length).toBe(10);
});

it('shows a share as a bar of one width', () => {
  expect([bar(0), bar(0.5), bar(1)].map((text) => text.length)).toEqual([26, 26, 26]);
});
