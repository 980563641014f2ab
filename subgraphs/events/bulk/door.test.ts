import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { createBulkDoor, type BulkLimits } from '#subgraphs/events/bulk/door';
import type { BulkReport } from '#subgraphs/events/bulk/report';
import { EventRecorder } from '#subgraphs/events/record';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { MemoryJournal, testEventIds } from '#test/events/memory-journal';
import { recordText, recordTexts } from '#test/events/records';

const ONE = '111111111111';
const KEYS: Record<string, Principal> = {
  'Bearer ingest': { keyId: 'k1', role: 'ingest', accounts: [ONE] },
  'Bearer admin': { keyId: 'k2', role: 'administrator', accounts: 'ALL' },
  'Bearer auditor': { keyId: 'k3', role: 'auditor', accounts: 'ALL' },
};

/** A refusal takes a second. */
const REFUSED = { timeout: 5_000 };

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: BulkReport & { error?: { code: string; message: string; retryAfter?: number } };
}
interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

const open: Server[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

type Charge = (principal: Principal, bytes: number) => void;

async function setUp(limits: Partial<BulkLimits> = {}, charge?: Charge) {
  const journal = new MemoryJournal();
  const logged: unknown[] = [];
  const recorder = new EventRecorder({
    journal,
    accounts: new MemoryAccounts(ONE),
    eventIds: testEventIds,
    now: Date.now,
    charge,
  });
  const door = createBulkDoor({
    recorder,
    authenticate: (authorization) => Promise.resolve(KEYS[authorization ?? ''] ?? null),
    log: { error: (attributes) => logged.push(attributes) },
    limits: { lingerMs: 50, ...limits },
  });
  const done: Promise<void>[] = [];
  const server = createServer((request, response) => {
    done.push(door(request, response, 'r1'));
  }).listen(0, '127.0.0.1');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  open.push(server);
  const { port } = server.address() as AddressInfo;

  function start({ path = '/v1/events', method = 'POST', headers = {} }: Sent = {}) {
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      path,
      method,
      headers: { authorization: 'Bearer ingest', ...headers },
    });
    const answer = once(request, 'response').then(async ([message]: IncomingMessage[]): Promise<Answer> => {
      if (!message) throw new Error('no answer');
      const body = JSON.parse(Buffer.concat(await Array.fromAsync(message)).toString()) as Answer['body'];
      return { status: message.statusCode ?? 0, headers: message.headers, body };
    });
    return { request, answer };
  }
  const send = (body: string | Buffer, sent?: Sent): Promise<Answer> => {
    const { request, answer } = start(sent);
    request.end(body);
    return answer;
  };
  return { journal, logged, start, send, done, sockets };
}

const counts = ({ body }: Answer) => {
  const { received, recorded, duplicates, conflicts, refused } = body;
  return { received, recorded, duplicates, conflicts, refused };
};

describe('bulk door', () => {
  for (const [name, encode] of [
    ['plain', (text: string) => ({ body: Buffer.from(text), headers: {} })],
    ['gzip', (text: string) => ({ body: gzipSync(text), headers: { 'content-encoding': 'gzip' } })],
    ['zstd', (text: string) => ({ body: zstdCompressSync(text), headers: { 'content-encoding': 'zstd' } })],
    ['a gzip file', (text: string) => ({ body: gzipSync(text), headers: {} })],
  ] as const) {
    it(`records ${name} bodies of every shape`, async () => {
      const { journal, send } = await setUp();
      const texts = recordTexts(9);
      const bodies = [
        texts.slice(0, 3).join('\n'),
        `[${texts.slice(3, 6).join()}]`,
        `{"Records":[${texts.slice(6).join()}]}`,
      ];
      for (const text of bodies) {
        const { body, headers } = encode(text);
        const answer = await send(body, { headers });
        expect(answer.status).toBe(200);
        expect(answer.body).toMatchObject({ source: 'key:k1', received: 3, recorded: 3, refusals: [] });
      }
      expect(journal.events.map(({ raw }) => raw.toString())).toEqual(texts);
    });
  }

  it('counts duplicates, conflicts and refusals, and lists the first of them', async () => {
    const { send } = await setUp({ batchEvents: 2 });
    const lines = [
      recordText(),
      recordText(),
      'not json',
      recordText({ eventName: 'Another' }),
      recordText({ recipientAccountId: '222222222222' }),
      recordText({ eventID: 'x', eventTime: 'today' }),
    ];
    const answer = await send(lines.join('\n'), { path: '/v1/events?refusals=3' });
    expect(counts(answer)).toEqual({ received: 6, recorded: 1, duplicates: 1, conflicts: 1, refused: 3 });
    expect(answer.body.refusals.map(({ index, code, path }) => [index, code, path])).toEqual([
      [2, 'INVALID_JSON', undefined],
      [3, 'CONFLICT', undefined],
      [4, 'ACCOUNT_NOT_ALLOWED', 'recipientAccountId'],
    ]);
    expect(answer.body.refusals[1]?.id).toBe(
      testEventIds.encode({ epoch: 1, position: 0 }, Date.parse('2026-03-01T09:30:00Z')),
    );
  });

  it('takes account and import from the query', async () => {
    const { journal, send } = await setUp();
    const headers = { authorization: 'Bearer admin' };
    const nameless = recordText({ recipientAccountId: undefined });
    const named = await send(nameless, { headers, path: `/v1/events?account=${ONE}` });
    expect(named.body.recorded).toBe(1);
    const created = await send(recordText({ recipientAccountId: '333333333333' }), {
      headers,
      path: '/v1/events?import=first',
    });
    expect(created.body).toMatchObject({ source: 'import:first', recorded: 1 });
    expect((await journal.counters()).map(({ source }) => source)).toEqual(['key:k2', 'import:first']);
  });

  it('recognises digest files and loses nothing beside an event that is too large', async () => {
    const { send } = await setUp();
    const digest = await send('{"awsAccountId":"1","digestStartTime":"2026-01-01T00:00:00Z","logFiles":[]}');
    expect(digest.body).toMatchObject({ received: 0, digests: 1, kind: 'digest' });
    const large = recordText({ eventID: 'big', requestParameters: 'x'.repeat(1 << 20) });
    const answer = await send(`[${recordText({ eventID: 'a' })},${large},${recordText({ eventID: 'b' })}]`);
    expect(counts(answer)).toEqual({ received: 3, recorded: 2, duplicates: 0, conflicts: 0, refused: 1 });
    expect(answer.body.refusals[0]).toMatchObject({ index: 1, code: 'EVENT_TOO_LARGE' });
  });

  it('refuses keys that may not record, and requests that make no sense', async () => {
    const { journal, send } = await setUp();
    const text = recordText();
    const status = async (sent: Sent): Promise<unknown[]> => {
      const answer = await send(text, sent);
      return [answer.status, answer.body.error?.code];
    };
    expect(await status({ headers: { authorization: 'Bearer none' } })).toEqual([401, 'UNAUTHENTICATED']);
    expect(await status({ headers: { authorization: 'Bearer auditor' } })).toEqual([403, 'FORBIDDEN']);
    expect(await status({ headers: { 'content-encoding': 'br' } })).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
    expect(await status({ path: '/v1/events?account=1' })).toEqual([400, 'INVALID_ARGUMENT']);
    expect(await status({ path: '/v1/events?account=222222222222' })).toEqual([403, 'ACCOUNT_NOT_ALLOWED']);
    expect(await status({ path: '/v1/events?refusals=10001' })).toEqual([400, 'INVALID_ARGUMENT']);
    expect(await status({ method: 'PUT' })).toEqual([405, 'INVALID_ARGUMENT']);
    expect(journal.events).toHaveLength(0);
  });

  it('keeps what was whole of a damaged body, and says where it breaks off', async () => {
    const { journal, send } = await setUp();
    const [one = '', two = ''] = recordTexts(2);
    const cut = await send(`{"Records":[${one},${two.slice(0, 50)}`);
    expect(cut.status).toBe(400);
    expect(cut.body.error).toMatchObject({ code: 'INVALID_JSON' });
    expect(counts(cut)).toMatchObject({ received: 2, recorded: 1, refused: 1 });
    const whole = gzipSync(recordTexts(3000, { eventSource: 'ec2.amazonaws.com' }).join('\n'));
    const damaged = await send(whole.subarray(0, whole.length - 20), { path: '/v1/events?import=i' });
    expect(damaged.body.error?.code).toBe('INVALID_ARGUMENT');
    expect(damaged.body.recorded).toBeGreaterThan(1000);
    expect(journal.events.length).toBe(1 + damaged.body.recorded);
  });

  it('answers 429 with a delay and the counts so far when the journal is full', async () => {
    const { journal, send } = await setUp({ batchEvents: 10, batchesInFlight: 1 });
    journal.gate = () => {
      if (journal.events.length >= 30) {
        journal.failure = new CairnError('TOO_MANY_REQUESTS', 'full', { retryAfter: 1.5 });
      }
      return Promise.resolve();
    };
    const texts = recordTexts(100);
    const full = await send(texts.join('\n'));
    expect(full.status).toBe(429);
    expect(full.headers['retry-after']).toBe('2');
    expect(counts(full)).toEqual({ received: 30, recorded: 30, duplicates: 0, conflicts: 0, refused: 0 });

    journal.gate = () => Promise.resolve();
    journal.failure = undefined;
    const again = await send(texts.join('\n'));
    expect(counts(again)).toMatchObject({ recorded: 70, duplicates: 30 });
    expect(journal.events.map(({ raw }) => raw.toString())).toEqual(texts);
  });

  it('answers 429 in the middle of a body that is more than its key may send, and tells how far it came', async () => {
    let left = 100_000;
    const { journal, send } = await setUp({ batchEvents: 10 }, ({ keyId }, bytes) => {
      if (left <= 0) throw new CairnError('TOO_MANY_REQUESTS', `enough, ${keyId}`, { retryAfter: 7 });
      left -= bytes;
    });
    const texts = recordTexts(300, { padding: 'x'.repeat(2_000) });
    const body = gzipSync(texts.join('\n'));
    const refused = await send(body);
    expect(refused).toMatchObject({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { error: { code: 'TOO_MANY_REQUESTS', message: 'enough, k1', retryAfter: 7 } },
    });
    const { received, recorded, refused: faulty } = refused.body;
    // No event is called faulty because we have stopped in its middle.
    expect({ received, faulty }).toEqual({ received: recorded, faulty: 0 });
    expect(recorded).toBeGreaterThan(0);
    expect(journal.events.map(({ raw }) => raw.toString())).toEqual(texts.slice(0, recorded));
    const before = left;
    expect((await send(body)).body).toMatchObject({ received: 0, error: { code: 'TOO_MANY_REQUESTS' } });
    expect(left).toBe(before);

    left = 1e9;
    expect(counts(await send(body))).toMatchObject({ recorded: 300 - recorded, duplicates: recorded });
    expect(1e9 - left).toBe(Buffer.byteLength(texts.join('\n')));
  });

  it('charges for bodies, but not for imports of those who look after the installation', async () => {
    const charged = new Set<string>();
    const { send } = await setUp({}, ({ keyId }) => charged.add(keyId));
    const admin = { headers: { authorization: 'Bearer admin' } };
    expect((await send(recordText(), { ...admin, path: '/v1/events?import=old' })).status).toBe(200);
    expect([...charged]).toEqual([]);
    await send(recordText(), { path: '/v1/events?import=old' });
    expect([...charged]).toEqual(['k1']);
    await send(recordText(), admin);
    expect([...charged]).toEqual(['k1', 'k2']);
  });

  it('does not read on while two batches wait', async () => {
    const { journal, start, sockets } = await setUp({ batchEvents: 100 });
    const gate = Promise.withResolvers<void>();
    journal.gate = () => gate.promise;
    const { request, answer } = start();
    const text = `${recordTexts(100, { padding: 'x'.repeat(4000) }).join('\n')}\n`;
    request.end(text.repeat(100));
    await expect.poll(() => journal.running).toBe(2);
    // Enough turns to read the whole body, if anyone did.
    for (let turn = 0; turn < 2000; turn += 1) await setImmediate();
    expect(sockets[0]?.bytesRead).toBeLessThan(text.length * 20);
    gate.resolve();
    expect(counts(await answer)).toMatchObject({ received: 10_000, recorded: 100, duplicates: 9_900 });
    expect(journal.mostRunning).toBe(2);
  });

  it('limits the bodies that are read at the same time', async () => {
    const { start, send } = await setUp({ maxBodies: 1 });
    const { request, answer } = start();
    request.write('[');
    await once(request, 'socket');
    await expect.poll(async () => (await send(recordText())).status, REFUSED).toBe(429);
    request.end(']');
    expect((await answer).status).toBe(200);
    expect((await send(recordText())).status).toBe(200);
  });

  it('lets no key take all places', async () => {
    const { start, send } = await setUp({ maxBodiesPerAccount: 1 });
    const { request, answer } = start();
    request.write('[');
    await once(request, 'socket');
    await expect.poll(async () => (await send(recordText())).status, REFUSED).toBe(429);
    const other = await send(recordText(), { headers: { authorization: 'Bearer admin' } });
    expect(other.status).toBe(200);
    request.end(']');
    expect((await answer).status).toBe(200);
    expect((await send(recordText())).status).toBe(200);
  });

  it('ends bodies that never end: idle ones, slow ones, and those that only grow', async () => {
    const { start, send } = await setUp({ idleMs: 400, totalMs: 1_200, maxBytes: 1 << 16 });
    const idle = start();
    idle.request.on('error', () => undefined);
    idle.request.write(`${recordText()}\n`);
    const answer = await idle.answer;
    expect(answer.status).toBe(408);
    expect(answer.body).toMatchObject({ received: 1, recorded: 1, error: { code: 'REQUEST_TIMEOUT' } });

    const slow = start();
    slow.request.on('error', () => undefined);
    const drip = setInterval(() => slow.request.write(' '), 50);
    expect((await slow.answer).status).toBe(408);
    clearInterval(drip);

    const large = await send(gzipSync('\n'.repeat(1 << 20)));
    expect([large.status, large.body.error?.code]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  it('keeps to itself what it did not expect', async () => {
    const { journal, logged, send } = await setUp();
    journal.gate = () => Promise.reject(new Error('password=secret'));
    const answer = await send(recordText());
    expect(answer.status).toBe(500);
    expect(answer.body.error?.code).toBe('INTERNAL');
    expect(answer.body.error?.message).not.toContain('secret');
    expect(logged).toHaveLength(1);
  });

  it('survives a sender that goes away, and keeps what it has sent', async () => {
    const { journal, logged, start, done } = await setUp();
    const { request, answer } = start();
    request.write(`${recordText()}\n${recordText({ eventID: 'b' })}\n`);
    await once(request, 'socket');
    await expect.poll(() => done.length).toBe(1);
    answer.catch(() => undefined);
    request.destroy();
    await Promise.all(done);
    expect(journal.events.length).toBeLessThanOrEqual(2);
    expect(logged).toEqual([]);
  });

  const invictus = new URL('../../../../shared/data/cloudtrail-invictus/', import.meta.url);
  it.skipIf(!existsSync(invictus))('records all 954 events of real log files byte by byte', async () => {
    const { journal, send } = await setUp();
    const path = '/v1/events?import=invictus';
    let received = 0;
    for (const name of readdirSync(invictus).filter((file) => file.endsWith('.json'))) {
      const answer = await send(gzipSync(readFileSync(new URL(name, invictus))), {
        path,
        headers: { authorization: 'Bearer admin' },
      });
      expect(answer.body).toMatchObject({ refused: 0, conflicts: 0, duplicates: 0 });
      received += answer.body.received;
    }
    expect(received).toBe(954);
    expect(journal.events).toHaveLength(954);
    const sources = readdirSync(invictus).map((name) => readFileSync(new URL(name, invictus)));
    for (const { raw } of journal.events) expect(sources.some((bytes) => bytes.includes(raw))).toBe(true);
  });
});
