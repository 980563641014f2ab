import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import { CheckpointReader } from '#journal/checkpoint-reader';
import { LogSigner } from '#journal/log-signer';
import { openExportStatement } from '#projections/export/statement';
import { ExportFailed, ExportNotYet } from '#projections/export/write-export';
import { createExportBed, EXPORT_LIMITS, FOLLOWING, type ExportBed } from '#test/export-bed';
import { appendEvents } from '#test/log-bed';
import { newEvent } from '#test/new-event';

const ONE = '111111111111';
const TWO = '222222222222';
const COUNT = 300;
const FORMULA = '=HYPERLINK("http://192.0.2.1/","x")\n,tail';

let bed: ExportBed;
let now: number;
const raws: string[] = [];

beforeAll(async () => {
  bed = await createExportBed(() => now);
  const events = Array.from({ length: COUNT }, (_, n) => newEvent(n, { account: n % 3 === 0 ? TWO : ONE }));
  const pretty = newEvent(COUNT, { account: ONE });
  const spread = { ...pretty, raw: Buffer.from(JSON.stringify(JSON.parse(pretty.raw.toString()), null, 2)) };
  await appendEvents(bed.journal, [...events, spread]);
  await bed.settle();
  raws.push(...[...events, spread].map(({ raw }) => raw.toString()));
});
afterAll(() => bed.remove());
beforeEach(() => {
  now = Date.now();
});

const records = (text: string): unknown[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line): unknown => JSON.parse(line));
const all = (): unknown[] => raws.map((raw): unknown => JSON.parse(raw));

describe('a file', () => {
  it('holds every event once, in order, in each format and compression', async () => {
    for (const compression of ['NONE', 'GZIP', 'ZSTD'] as const) {
      for (const format of ['NDJSON', 'JSON', 'CLOUDTRAIL'] as const) {
        const { id } = await bed.start({ format, compression });
        const done = await bed.writer().write(id, FOLLOWING);
        const { bytes, text } = await bed.read(id);
        expect(done).toMatchObject({ state: 'SUCCEEDED', rows: COUNT + 1, bytes: bytes.length });
        expect(done?.parts).toBeGreaterThan(3);
        expect(done?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
        if (format === 'NDJSON') expect(records(text)).toEqual(all());
        if (format === 'JSON') expect(text).toBe(`[\n${raws.join(',\n')}\n]\n`);
        if (format === 'CLOUDTRAIL') expect(text).toBe(`{"Records":[\n${raws.join(',\n')}\n]}\n`);
      }
    }
  });

  it('is empty, and valid, where nothing matches', async () => {
    const filter = JSON.stringify({ eventName: { equals: 'Nobody' } });
    for (const [format, text] of [
      ['NDJSON', ''],
      ['JSON', '[\n\n]\n'],
      ['CSV', 'eventId,accountId\r\n'],
    ] as const) {
      const { id } = await bed.start({
        format,
        filter,
        columns: format === 'CSV' ? ['eventId', 'accountId'] : [],
      });
      expect(await bed.writer().write(id, FOLLOWING)).toMatchObject({ state: 'SUCCEEDED', rows: 0 });
      expect((await bed.read(id)).text).toBe(text);
    }
  });

  it('holds only what the key saw and the filter finds, newest first when asked', async () => {
    const filter = JSON.stringify({ eventName: { equals: 'PutObject' } });
    const { id } = await bed.start({ scope: [TWO], accounts: [TWO], filter, order: 'TIME_DESC' });
    expect(await bed.writer().write(id, FOLLOWING)).toMatchObject({ rows: COUNT / 3 });
    const found = records((await bed.read(id)).text) as { recipientAccountId: string; eventID: string }[];
    expect(new Set(found.map((record) => record.recipientAccountId))).toEqual(new Set([TWO]));
    expect(found[0]?.eventID).toBe(`event-${COUNT - 3}`);
  });

  it('disarms formulas and quotes what RFC 4180 asks for', async () => {
    const { id } = await bed.start({ format: 'CSV', columns: ['userAgent', 'raw'] });
    const event = newEvent(5_000, { eventTime: Date.UTC(2020, 0, 1) });
    const raw = JSON.stringify({ ...(JSON.parse(event.raw.toString()) as object), userAgent: FORMULA });
    await appendEvents(bed.journal, [{ ...event, raw: Buffer.from(raw) }]);
    raws.unshift(raw);
    await bed.settle();
    await bed.writer().write(id, FOLLOWING);
    const { text } = await bed.read(id);
    const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
    expect(text.split('\r\n')[1]).toBe(`${quoted(`'${FORMULA}`)},${quoted(raw)}`);
  });

  it('ends at its snapshot: what is recorded later is not in it', async () => {
    const { id } = await bed.start();
    let late = 0;
    const step = async (name: string): Promise<void> => {
      if (name !== 'recorded' || late > 0) return;
      late += 1;
      await appendEvents(bed.journal, [newEvent(9_000, { account: TWO, eventTime: Date.UTC(2027, 0, 1) })]);
      await bed.settle();
    };
    expect(await bed.writer({ step }).write(id, FOLLOWING)).toMatchObject({ rows: raws.length });
    expect(late).toBe(1);
    expect(records((await bed.read(id)).text)).toEqual(all());
    raws.push(newEvent(9_000, { account: TWO, eventTime: Date.UTC(2027, 0, 1) }).raw.toString());
  });

  it('waits for history, and says so', async () => {
    const { id } = await bed.start();
    const history = {
      search: () => Promise.reject(new Error('asked too early')),
      counts: () => Promise.reject(new Error('asked too early')),
      freshness: () => Promise.resolve({ eventsBehind: 1, secondsBehind: 1 }),
    };
    await expect(bed.writer({ history }).write(id, FOLLOWING)).rejects.toThrow(ExportNotYet);
    expect(await bed.writer().write(id, FOLLOWING)).toMatchObject({ state: 'SUCCEEDED', rows: raws.length });
  });
});

describe('a statement', () => {
  it('is waited for while the checkpoint over its events is not published yet', async () => {
    const { id } = await bed.start();
    const signer = new LogSigner({ ...bed.log.deps, sealer: bed.journal.sealer });
    let early = 2;
    const checkpointOver = async (position: number): Promise<string> => {
      if (early-- > 0) throw new CairnError('UNAVAILABLE', 'not published yet', { retryAfter: 2 });
      return signer.checkpointOver(position);
    };
    const sign: LogSigner['sign'] = (textOf) => signer.sign(textOf);
    expect(await bed.writer({ signer: { checkpointOver, sign } }).write(id, FOLLOWING)).toMatchObject({
      state: 'SUCCEEDED',
      rows: raws.length,
    });
    const late = await bed.start();
    early = Infinity;
    await expect(bed.writer({ signer: { checkpointOver, sign } }).write(late.id, FOLLOWING)).rejects.toThrow(
      ExportNotYet,
    );
    early = 0;
    expect(await bed.writer().write(late.id, FOLLOWING)).toMatchObject({ state: 'SUCCEEDED' });
  });

  it('says what the file holds, signed by the log, under a checkpoint over its events', async () => {
    const { id } = await bed.start({ format: 'CSV', columns: ['eventId'], compression: 'GZIP' });
    const done = await bed.writer().write(id, FOLLOWING);
    const reader = new CheckpointReader(bed.log.database.pool, bed.log.deps.objects);
    const publicKeys = await reader.publicKeys();
    const statement = openExportStatement(done?.statement ?? '', publicKeys);
    expect(statement).toMatchObject({
      export: id,
      rows: raws.length,
      bytes: done?.bytes,
      sha256: done?.sha256,
      columns: ['eventId'],
      accounts: 'ALL',
      createdBy: 'key',
      fileName: `cairn-export-${id}.csv.gz`,
      snapshot: await bed.journal.head(),
    });
    expect(statement?.checkpoint).toBe((await reader.latest())?.note);
    expect(openExportStatement((done?.statement ?? '').replace('"rows": 3', '"rows": 4'), publicKeys)).toBe(
      undefined,
    );
    // What else the key has signed is no statement.
    expect(openExportStatement(statement?.checkpoint ?? '', publicKeys)).toBe(undefined);
  });
});

describe('a crash', () => {
  it.each(['gathered', 'stored', 'recorded', 'signed', 'succeeded'])(
    'after "%s" repeats and loses nothing',
    async (where) => {
      const { id } = await bed.start({ compression: 'GZIP' });
      // Dies at every third such step, until it is through.
      for (let attempt = 0, done = false; !done; attempt++) {
        expect(attempt).toBeLessThan(50);
        let steps = 0;
        const step = (name: string): void => {
          if (name === where && ++steps === (attempt % 3) + 1) throw new Error('killed');
        };
        const writing = bed.writer({ step }).write(id, FOLLOWING);
        done = await writing.then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ message: 'killed' });
            return false;
          },
        );
      }
      await bed.writer().write(id, FOLLOWING);
      const row = await bed.store.find(id);
      const { bytes, text } = await bed.read(id);
      expect(row).toMatchObject({
        state: 'SUCCEEDED',
        generation: 0,
        rows: raws.length,
        bytes: bytes.length,
      });
      expect(row?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
      expect(records(text)).toEqual(all());
    },
  );

  it('of one worker leaves a second at the same export no harm: one of them stops', async () => {
    const { id } = await bed.start();
    let other: Promise<unknown> | undefined;
    const step = async (name: string): Promise<void> => {
      if (name !== 'stored' || other !== undefined) return;
      other = bed.writer().write(id, FOLLOWING);
      await other;
    };
    await expect(bed.writer({ step }).write(id, FOLLOWING)).rejects.toThrow(ExportNotYet);
    expect(records((await bed.read(id)).text)).toEqual(all());
  });

  it('that lost a part, or its key, begins anew', async () => {
    for (const store of ['objects', 'keyObjects'] as const) {
      const { id } = await bed.start();
      const step = (name: string): void => {
        if (name === 'recorded') throw new Error('killed');
      };
      await expect(bed.writer({ step }).write(id, FOLLOWING)).rejects.toThrow('killed');
      const prefix = store === 'objects' ? `exports/${id}/` : `export/${id}/`;
      for await (const key of bed.log.deps[store].list(prefix)) await bed.log.deps[store].delete(key);
      await expect(bed.writer().write(id, FOLLOWING)).rejects.toThrow(ExportNotYet);
      expect(await bed.writer().write(id, FOLLOWING)).toMatchObject({ generation: 1, rows: raws.length });
      expect(records((await bed.read(id)).text)).toEqual(all());
    }
  });
});

describe('limits', () => {
  it('ends an export with too many events, or that takes too long', async () => {
    const { id } = await bed.start();
    const limits = { ...EXPORT_LIMITS, rows: 100 };
    await expect(bed.writer({ limits }).write(id, FOLLOWING)).rejects.toThrow(ExportFailed);
    expect(await bed.store.find(id)).toMatchObject({
      state: 'FAILED',
      error: expect.stringMatching(/^LIMIT_EXCEEDED: /),
    });
    const late = await bed.start();
    now += 25 * 3_600_000;
    await expect(bed.writer().write(late.id, FOLLOWING)).rejects.toThrow(ExportFailed);
    now = Date.now();
    // A retry begins anew.
    for (const failed of [id, late.id]) {
      expect(await bed.writer().write(failed, FOLLOWING)).toMatchObject({
        generation: 1,
        state: 'SUCCEEDED',
      });
      expect(records((await bed.read(failed)).text)).toEqual(all());
    }
  });

  it('counts what is not done, by key and by account', async () => {
    const limits = { perKey: 2, perAccount: 3 };
    const of = { createdBy: 'busy', accounts: ['999999999999'], scope: ['999999999999'] };
    const [first] = [await bed.start(of), await bed.start(of)];
    const insert = (createdBy: string, id: string) => bed.store.insert({ ...first, createdBy, id }, limits);
    await expect(insert('busy', 'a')).rejects.toThrow(expect.objectContaining({ code: 'TOO_MANY_REQUESTS' }));
    await insert('other', 'b');
    await expect(insert('third', 'c')).rejects.toThrow(
      expect.objectContaining({ code: 'TOO_MANY_REQUESTS' }),
    );
    await bed.store.end(first.id, 'CANCELED');
    await insert('third', 'c');
  });
});
