import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isExpected, sendError } from '#platform/http/answers';
import type { Principal } from '#domain/principal';
import type { ExportRow } from '#projections/export/export-row';
import { createExportDoor } from '#subgraphs/events/export-door';
import { Exports, type ExportRequest, type FileLink } from '#subgraphs/events/exports';
import { createExportBed, EXPORT_LIMITS, FOLLOWING, type ExportBed } from '#test/export-bed';
import { appendEvents } from '#test/log-bed';
import { newEvent } from '#test/new-event';

const ONE = '111111111111';
const TWO = '222222222222';
const ROOT: Principal = { keyId: 'root', role: 'administrator', accounts: 'ALL' };
const AUDITOR: Principal = { keyId: 'auditor', role: 'auditor', accounts: [ONE] };
const COLLEAGUE: Principal = { ...AUDITOR, keyId: 'colleague' };
const ADMIN_ONE: Principal = { keyId: 'admin-one', role: 'administrator', accounts: [ONE] };
const STRANGER: Principal = { keyId: 'stranger', role: 'administrator', accounts: [TWO] };
const INGEST: Principal = { keyId: 'ingest', role: 'ingest', accounts: 'ALL' };
const CSV: ExportRequest = {
  filter: undefined,
  order: 'TIME_ASC',
  format: 'CSV',
  columns: ['eventId', 'accountId'],
  compression: 'NONE',
};

let bed: ExportBed;
let exports: Exports;
let server: Server;
let url: string;
let now: number;
let started: string[];
let live: Map<string, Principal>;

beforeAll(async () => {
  bed = await createExportBed();
  await appendEvents(
    bed.journal,
    Array.from({ length: 400 }, (_, n) => newEvent(n, { account: n % 4 === 0 ? TWO : ONE })),
  );
  await bed.settle();
  const parts = { store: bed.store, files: bed.files, linkSecret: Buffer.alloc(32, 7), now: () => now };
  exports = new Exports({
    ...parts,
    limits: EXPORT_LIMITS,
    startRun: (id) => Promise.resolve(started.push(id)),
  });
  const door = createExportDoor({
    ...parts,
    liveKey: (keyId) => Promise.resolve(live.get(keyId) ?? null),
    maxAtOnce: 1,
  });
  server = createServer((request, response) => {
    door(request, response).catch((error: unknown) => {
      if (isExpected(error)) sendError(response, error, 'r');
      else response.destroy();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await bed.remove();
});
beforeEach(() => {
  now = Date.now();
  started = [];
  live = new Map([ROOT, AUDITOR, COLLEAGUE].map((principal) => [principal.keyId, principal]));
});

async function written(principal: Principal, request = CSV): Promise<ExportRow> {
  const { id } = await exports.start(principal, request);
  expect(started).toContain(id);
  const done = await bed.writer().write(id, FOLLOWING);
  if (done === undefined) throw new Error('not written');
  return done;
}

function linkOf(principal: Principal, row: ExportRow): FileLink {
  const link = exports.linkTo(principal, row);
  if (link === undefined) throw new Error('no link');
  return link;
}

async function refused(path: string): Promise<[number, string]> {
  const response = await fetch(url + path);
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
}

const codeOf = (doing: Promise<unknown>): Promise<unknown> =>
  doing.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code,
  );

describe('who may', () => {
  it('gets only what its key sees, whatever the filter asks for', async () => {
    const filter = { account: { in: [ONE, TWO] } };
    const row = await written(AUDITOR, { ...CSV, filter });
    const lines = (await bed.read(row.id)).text.trimEnd().split('\r\n').slice(1);
    expect(lines).toHaveLength(300);
    expect(lines.every((line) => line.endsWith(`,${ONE}`))).toBe(true);
    expect(await bed.store.find(row.id)).toMatchObject({ scope: [ONE], accounts: [ONE] });
  });

  it('a key that only records may nothing', async () => {
    expect(await codeOf(exports.start(INGEST, CSV))).toBe('FORBIDDEN');
    expect(started).toEqual([]);
  });

  it('sees the exports within its accounts and no others; ends its own, and those of others as administrator', async () => {
    const [all, own] = [await written(ROOT), await written(AUDITOR)];
    const ids = async (principal: Principal): Promise<string[]> =>
      (await exports.list(principal, { direction: 'forward', cursor: undefined, limit: 100 })).map(
        ({ id }) => id,
      );
    expect(await ids(ROOT)).toEqual(expect.arrayContaining([all.id, own.id]));
    expect(await ids(COLLEAGUE)).toContain(own.id);
    expect(await ids(COLLEAGUE)).not.toContain(all.id);
    expect(await ids(STRANGER)).toEqual([]);
    expect(await exports.find(AUDITOR, all.id)).toBeUndefined();
    expect(await exports.find(STRANGER, own.id)).toBeUndefined();
    expect(await exports.find(ROOT, "'; DROP TABLE")).toBeUndefined();
    for (const principal of [STRANGER, COLLEAGUE]) {
      expect(await codeOf(exports.cancel(principal, own.id))).toBe('NOT_FOUND');
      expect(await codeOf(exports.delete(principal, own.id))).toBe('NOT_FOUND');
    }
    expect(await exports.cancel(AUDITOR, own.id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await exports.delete(ADMIN_ONE, own.id)).toBe(own.id);
    expect(await exports.find(ROOT, own.id)).toBeUndefined();
  });

  it('refuses columns that are none, and filters that do not fit a statement', async () => {
    const errorOf = (request: Partial<ExportRequest>) =>
      exports.start(ROOT, { ...CSV, ...request }).catch((error: unknown) => error);
    expect(await errorOf({ columns: ['eventId', 'secret'] })).toMatchObject({ path: 'input.columns[1]' });
    expect(await errorOf({ columns: ['eventId', 'eventId'] })).toMatchObject({ path: 'input.columns[1]' });
    expect(await errorOf({ columns: [] })).toMatchObject({ path: 'input.columns' });
    expect(await errorOf({ format: 'JSON' })).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(await errorOf({ filter: { nobody: 1 } })).toMatchObject({ code: 'INVALID_FILTER' });
    const long = Array.from({ length: 50 }, (_, n) => `${n}${'x'.repeat(600)}`);
    expect(await errorOf({ filter: { userAgent: { in: long } } })).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(started).toEqual([]);
  });
});

describe('a link', () => {
  it('leads to the file without a key, whole or from where it broke off', async () => {
    const row = await written(ROOT);
    const { bytes } = await bed.read(row.id);
    const { path } = linkOf(ROOT, row);
    const whole = await fetch(url + path);
    expect(whole.status).toBe(200);
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      'content-type': 'text/csv; charset=utf-8',
      'content-length': String(bytes.length),
      'content-disposition': `attachment; filename="cairn-export-${row.id}.csv"`,
      etag: `"${row.sha256}"`,
    });
    expect(Buffer.from(await whole.arrayBuffer()).equals(bytes)).toBe(true);
    const head = await fetch(url + path, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)]);
    // Over the edges of parts.
    expect(row.parts).toBeGreaterThan(0);
    for (const from of [1, 4_000, bytes.length - 1]) {
      const rest = await fetch(url + path, { headers: { range: `bytes=${from}-` } });
      expect(rest.status).toBe(206);
      expect(rest.headers.get('content-range')).toBe(`bytes ${from}-${bytes.length - 1}/${bytes.length}`);
      expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(from))).toBe(true);
    }
    expect((await fetch(url + path, { headers: { range: `bytes=${bytes.length}-` } })).status).toBe(416);
  });

  it('crosses parts where a range does', async () => {
    const row = await written(ROOT, { ...CSV, format: 'NDJSON', columns: undefined });
    const { bytes } = await bed.read(row.id);
    expect(row.parts).toBeGreaterThan(3);
    const part = await fetch(url + linkOf(ROOT, row).path, { headers: { range: 'bytes=5000-40000' } });
    expect(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(5_000, 40_001))).toBe(true);
  });

  it('is refused when it was changed, is another file’s, has expired, or its key is not good any more', async () => {
    const [row, other] = [await written(AUDITOR), await written(ROOT)];
    const { path, expiresAt } = linkOf(AUDITOR, row);
    expect(expiresAt.getTime()).toBe(now + 15 * 60_000);
    for (const changed of [
      path.slice(0, -1) + (path.endsWith('A') ? 'B' : 'A'),
      path.replace('auditor', 'root'),
      path.replace(row.id, other.id),
      path.replace(row.id, '00000000-0000-4000-8000-000000000000'),
      path.split('?')[0] ?? '',
    ]) {
      expect(await refused(changed)).toEqual([403, 'FORBIDDEN']);
    }
    expect((await refused('/v1/exports/nothing'))[0]).toBe(404);
    live.set('auditor', { ...AUDITOR, accounts: [TWO] });
    expect(await refused(path)).toEqual([403, 'FORBIDDEN']);
    live.delete('auditor');
    expect(await refused(path)).toEqual([403, 'FORBIDDEN']);
    live.set('auditor', AUDITOR);
    expect((await fetch(url + path)).status).toBe(200);
    now += 15 * 60_000;
    expect(await refused(path)).toEqual([403, 'FORBIDDEN']);
  });

  it('says that the file was erased or removed', async () => {
    const row = await written(ROOT);
    const { path } = linkOf(ROOT, row);
    await bed.files.destroy(row);
    expect(await refused(path)).toEqual([404, 'NOT_FOUND']);
    await bed.store.erased(row);
    expect(await refused(path)).toEqual([410, 'ERASED']);
    expect(exports.linkTo(ROOT, { ...row, state: 'ERASED' })).toBeUndefined();
  });

  it('never sends bytes that were changed', async () => {
    const row = await written(ROOT);
    const [part] = await bed.store.parts(row.id);
    const stored = (await bed.log.deps.objects.get(part?.object ?? '')) ?? Buffer.alloc(0);
    stored.writeUInt8(stored.readUInt8(20) ^ 1, 20);
    await bed.log.deps.objects.put(part?.object ?? '', stored);
    const body = fetch(url + linkOf(ROOT, row).path).then((response) => response.text());
    await expect(body).rejects.toThrow();
  });

  it('waits its turn while as many files are being sent as may be', async () => {
    const row = await written(ROOT, { ...CSV, format: 'JSON', columns: undefined });
    const { path } = linkOf(ROOT, row);
    const stopped = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    const held = bed.files.get.bind(bed.files);
    bed.files.get = async (part, key) => {
      reached.resolve();
      await stopped.promise;
      return held(part, key);
    };
    const first = fetch(url + path).then((response) => response.arrayBuffer());
    await reached.promise;
    expect(await refused(path)).toEqual([429, 'TOO_MANY_REQUESTS']);
    stopped.resolve();
    expect((await first).byteLength).toBe(row.bytes);
    bed.files.get = held;
  });
});
