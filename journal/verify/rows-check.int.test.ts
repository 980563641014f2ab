import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyRows } from '#journal/verify/rows-check';
import { appendEvents, createLogBed, testEvent, type LogBed } from '#test/log-bed';

const MARCH = Date.UTC(2026, 2, 3);
const A = '111111111111';
const B = '222222222222';

let bed: LogBed;

beforeAll(async () => {
  bed = await createLogBed();
  await bed.recover();
  const journal = await bed.open();
  let number = 0;
  const append = async (): Promise<void> => {
    const events = [0, 1, 2].map(() => testEvent(number % 2 === 0 ? A : B, number++, { time: MARCH }));
    await appendEvents(journal, events, `key:${number % 2}`);
  };
  for (let round = 0; round < 3; round++) {
    await append();
    await append();
    await journal.sealer.sealTail({ force: true });
  }
  await journal.erase({ account: B, before: undefined });
  await append();
  await append();
  await journal.append({ source: 'key:quiet', received: 2, refused: 2, events: [] });
  await journal.close();
});
afterAll(() => bed.remove());

describe('rows', () => {
  it('agree with the objects as the product wrote them', async () => {
    expect(await verifyRows(bed.deps)).toMatchObject({ ok: true, tail: 6, findings: [] });
  });

  it.each([
    ['rows:journal_record', 'UPDATE journal_record SET record = set_byte(record, 70, 1) WHERE sequence = 2'],
    ['rows:journal_record', 'UPDATE journal_record SET bytes = bytes + 1 WHERE sequence = 2'],
    ['rows:journal_record', 'DELETE FROM journal_record WHERE sequence = 2'],
    ['rows:journal_record', 'DELETE FROM journal_record WHERE sequence = 4'],
    [
      'rows:journal_record',
      'INSERT INTO journal_record SELECT 99, epoch, type, record, leaf, first, count, bytes FROM journal_record WHERE sequence = 2',
    ],
    ['rows:journal_batch', 'UPDATE journal_batch SET first = first + 1 WHERE first = 3'],
    ['rows:journal_batch', 'DELETE FROM journal_batch WHERE first = 3'],
    ['rows:journal_batch', 'INSERT INTO journal_batch VALUES (gen_random_uuid(), 5, 0, 1)'],
    ['rows:journal_key', 'UPDATE journal_key SET hash = hash + 1 WHERE index = 1'],
    ['rows:journal_key', 'DELETE FROM journal_key WHERE index = 2'],
    [
      'rows:journal_key',
      'INSERT INTO journal_key SELECT account, hash, gen_random_uuid(), batch, hour, index FROM journal_key LIMIT 1',
    ],
    ['rows:journal_counter', 'UPDATE journal_counter SET duplicate = 1'],
    ['rows:journal_counter', "INSERT INTO journal_counter VALUES ('key:none', 1, 1, 0, 0, 0)"],
    ['rows:journal_log', "UPDATE journal_log SET chain = sha256('x')"],
    [
      'rows:journal_tail_%',
      'UPDATE journal_tail_0 SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1); UPDATE journal_tail_1 SET payload = set_byte(payload, 30, get_byte(payload, 30) # 1)',
    ],
    [
      'rows:journal_tail_%',
      'DELETE FROM journal_tail_0 WHERE first = 18; DELETE FROM journal_tail_1 WHERE first = 18',
    ],
    ['keys:111111111111%', 'UPDATE journal_data_key SET destroyed_at = now() WHERE account = 111111111111'],
    [
      'keys:222222222222%',
      'DELETE FROM journal_data_key WHERE account = 222222222222 AND destroyed_at IS NULL; UPDATE journal_data_key SET destroyed_at = NULL WHERE account = 222222222222',
    ],
  ])('are found changed: %s by %s', async (where, sql) => {
    const client = await bed.deps.pool.connect();
    const tables = ['record', 'batch', 'key', 'counter', 'log', 'tail_0', 'tail_1', 'data_key'];
    await client.query('CREATE SCHEMA saved');
    for (const table of tables)
      await client.query(`CREATE TABLE saved.journal_${table} AS TABLE journal_${table}`);
    await client.query(sql);
    const { ok, findings } = await verifyRows(bed.deps);
    for (const table of tables) {
      await client.query(
        `TRUNCATE journal_${table}; INSERT INTO journal_${table} SELECT * FROM saved.journal_${table}`,
      );
    }
    await client.query('DROP SCHEMA saved CASCADE');
    client.release();
    const pattern = new RegExp(`^${where.replace('%', '.*')}$`);
    expect(ok).toBe(false);
    expect(findings.map((one) => one.where)).toContainEqual(expect.stringMatching(pattern));
  });
});
