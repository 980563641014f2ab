import { describe, expect, it } from 'vitest';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import { EventRecorder, type EventResult, type RecordRequest } from '#subgraphs/events/record';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { MemoryJournal, testEventIds } from '#test/events/memory-journal';
import { recordText } from '#test/events/records';

const ONE = '111111111111';
const TWO = '222222222222';
const NEW = '999999999999';
const ingest = (...accounts: string[]): Principal => ({ keyId: 'k1', role: 'ingest', accounts });
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };

function setUp() {
  const journal = new MemoryJournal();
  const accounts = new MemoryAccounts(ONE, TWO);
  const now = () => Date.parse('2026-03-02T00:00:00Z');
  const recorder = new EventRecorder({ journal, accounts, eventIds: testEventIds, now });
  const record = async (request: RecordRequest, ...texts: string[]): Promise<readonly EventResult[]> => {
    const intake = recorder.open(request);
    for (const text of texts) intake.add(Buffer.from(text));
    return intake.commit();
  };
  return { journal, accounts, recorder, record };
}

/** `RECORDED`, or the code and path of a refusal. */
const brief = (results: readonly EventResult[]): string[] =>
  results.map((result) =>
    result.result === 'REFUSED' ? [result.code, result.path].filter(Boolean).join(' ') : result.result,
  );

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof CairnError ? error.code : String(error);
  }
  return undefined;
}

describe('EventRecorder', () => {
  it('records bytes as received, and answers in the order of the events', async () => {
    const { journal, record } = setUp();
    const odd = recordText({ eventID: 'odd' }).replace('{', '{ "average": 9.82222E-5,\t');
    const results = await record(
      { principal: ingest(ONE) },
      recordText(),
      'no json',
      odd,
      recordText(),
      recordText({ eventName: 'Other' }),
      recordText({ eventSource: undefined }),
    );
    expect(brief(results)).toEqual([
      'RECORDED',
      'INVALID_JSON',
      'RECORDED',
      'DUPLICATE',
      'CONFLICT',
      'FIELD_NOT_FOUND eventSource',
    ]);
    expect(journal.events.map(({ raw }) => raw.toString())).toEqual([recordText(), odd]);
    expect(await journal.counters()).toEqual([
      { source: 'key:k1', received: 6, accepted: 2, duplicate: 1, conflict: 1, refused: 2 },
    ]);
  });

  it('takes the account from the event, the request or the key, in this order', async () => {
    const { journal, record } = setUp();
    const nameless = (eventID: string): string => recordText({ eventID, recipientAccountId: undefined });
    const byIdentity = recordText({
      eventID: 'i',
      recipientAccountId: undefined,
      userIdentity: { type: 'IAMUser', accountId: TWO },
    });
    await record({ principal: administrator, account: TWO }, recordText(), nameless('a'));
    await record({ principal: ingest(ONE, TWO), account: ONE }, byIdentity, nameless('b'));
    await record({ principal: ingest(ONE) }, nameless('c'));
    expect(journal.events.map(({ account, eventId }) => [eventId, account])).toEqual([
      ['e0000000-0000-4000-8000-000000000001', ONE],
      ['a', TWO],
      ['i', TWO],
      ['b', ONE],
      ['c', ONE],
    ]);
    const several = await record({ principal: ingest(ONE, TWO) }, nameless('d'));
    expect(brief(several)).toEqual(['ACCOUNT_REQUIRED']);
  });

  it('refuses accounts that the key does not cover or that do not exist', async () => {
    const { accounts, record } = setUp();
    const identity = { type: 'IAMUser', accountId: TWO };
    const results = await record(
      { principal: ingest(ONE) },
      recordText({ recipientAccountId: TWO }),
      recordText({ recipientAccountId: undefined, userIdentity: identity }),
      recordText(),
    );
    expect(brief(results)).toEqual([
      'ACCOUNT_NOT_ALLOWED recipientAccountId',
      'ACCOUNT_NOT_ALLOWED userIdentity.accountId',
      'RECORDED',
    ]);
    const unknown = recordText({ recipientAccountId: NEW });
    expect(brief(await record({ principal: administrator }, unknown))).toEqual([
      'UNKNOWN_ACCOUNT recipientAccountId',
    ]);
    const named = recordText({ recipientAccountId: undefined });
    expect(brief(await record({ principal: administrator, account: NEW }, named))).toEqual([
      'UNKNOWN_ACCOUNT',
    ]);
    expect(accounts.known.has(NEW)).toBe(false);
  });

  it('creates unknown accounts for imports by an installation administrator only', async () => {
    const { accounts, journal, record } = setUp();
    const unknown = recordText({ recipientAccountId: NEW });
    const scoped: Principal = { keyId: 'k2', role: 'administrator', accounts: [NEW] };
    expect(brief(await record({ principal: scoped, importId: 'i' }, unknown))).toEqual([
      'UNKNOWN_ACCOUNT recipientAccountId',
    ]);
    expect(brief(await record({ principal: administrator, importId: 'i' }, unknown))).toEqual(['RECORDED']);
    expect(accounts.known.has(NEW)).toBe(true);
    expect((await journal.counters()).map(({ source }) => source)).toEqual(['import:k2/i', 'import:i']);
  });

  it('keeps apart what two batches of one intake do at the same time', async () => {
    const { journal, recorder } = setUp();
    const intake = recorder.open({ principal: administrator });
    intake.add(Buffer.from(recordText()));
    const first = intake.commit();
    intake.add(Buffer.from(recordText({ recipientAccountId: NEW })));
    const second = intake.commit();
    expect(brief(await first)).toEqual(['RECORDED']);
    expect(brief(await second)).toEqual(['UNKNOWN_ACCOUNT recipientAccountId']);
    expect(journal.events).toHaveLength(1);
  });

  it('gives one event one id, also when it was sent twice or contested', async () => {
    const { journal, recorder, record } = setUp();
    const later = recordText({ eventTime: '2026-03-01T09:59:59Z' });
    const results = await record({ principal: ingest(ONE) }, recordText(), recordText(), later, '[]');
    const ids = await Promise.all(results.map((result) => recorder.idOf(result)));
    const id = testEventIds.encode({ epoch: 1, position: 0 }, Date.parse('2026-03-01T09:30:00Z'));
    expect(brief(results)).toEqual(['RECORDED', 'DUPLICATE', 'CONFLICT', 'INVALID_EVENT']);
    expect(ids).toEqual([id, id, id, undefined]);
    journal.erase(0);
    expect(await recorder.idOf({ result: 'CONFLICT', place: { epoch: 1, position: 0 } })).toBeUndefined();
  });

  it('refuses requests that may not be', () => {
    const { recorder } = setUp();
    const auditor: Principal = { keyId: 'a', role: 'auditor', accounts: 'ALL' };
    expect(codeOf(() => recorder.open({ principal: auditor }))).toBe('FORBIDDEN');
    expect(codeOf(() => recorder.open({ principal: administrator, account: '12' }))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => recorder.open({ principal: ingest(ONE), account: TWO }))).toBe('ACCOUNT_NOT_ALLOWED');
    for (const importId of ['', 'a/b', 'x'.repeat(25), 'ü']) {
      expect(codeOf(() => recorder.open({ principal: administrator, importId }))).toBe('INVALID_ARGUMENT');
    }
  });

  it('counts nothing of a batch that the journal did not take', async () => {
    const { journal, recorder } = setUp();
    const intake = recorder.open({ principal: administrator });
    intake.add(Buffer.from(recordText()));
    journal.failure = new CairnError('TOO_MANY_REQUESTS', 'full', { retryAfter: 3 });
    await expect(intake.commit()).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS', retryAfter: 3 });
    expect(intake.count).toBe(0);
    expect(await journal.counters()).toEqual([]);
  });
});
