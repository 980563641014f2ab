import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { insights, InsightsService } from '#subgraphs/insights/index';
import { buildSubgraph, type Subgraph } from '#subgraphs/shared/build-subgraph';
import { startEvents } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain, runAs } from '#test/events/run-subgraph';

const ONE = '111111111111';
const TWO = '222222222222';
const NOW = Date.parse('2026-03-01T12:30:00Z');
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };
const auditor: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const ingest: Principal = { keyId: 'in', role: 'ingest', accounts: [ONE] };
const RATE = `query ($accounts: [_Any!]!, $interval: RateInterval!, $from: DateTime, $to: DateTime) {
  _entities(representations: $accounts) { ... on Account {
    eventRate(interval: $interval, from: $from, to: $to) { from to total points { start events perMinute } } } } }`;

let cairn: Awaited<ReturnType<typeof startEvents>>;
let subgraph: Subgraph;
beforeAll(async () => {
  cairn = await startEvents(() => NOW, ONE, TWO);
  const times = ['10:59:59', '11:00:00', '11:30:00', '12:29:59', '12:30:00'];
  const texts = times.flatMap((time) =>
    [ONE, TWO].map((recipientAccountId) =>
      recordText({ eventID: time, eventTime: `2026-03-01T${time}Z`, recipientAccountId }),
    ),
  );
  const intake = cairn.services.recorder.open({ principal: administrator });
  for (const text of texts) intake.add(Buffer.from(text));
  await intake.commit();
  await cairn.settle();
  const services = new InsightsService({ history: cairn.history, now: () => NOW });
  subgraph = buildSubgraph(insights, { services, log: { error: () => undefined } });
});
afterAll(() => cairn[Symbol.asyncDispose]());

async function rate(principal: Principal, variables: Record<string, unknown>, account = ONE) {
  const accounts = [{ __typename: 'Account', id: account }];
  const result = plain(
    await runAs(subgraph, principal, { text: RATE, variables: { accounts, ...variables } }),
  );
  return { ...result, data: result.data?.['_entities'] as ({ eventRate: unknown } | null)[] | undefined };
}

describe('Account.eventRate', () => {
  it('counts an account’s events per interval, quiet ones included', async () => {
    const range = { interval: 'HOUR', from: '2026-03-01T09:30:00Z', to: '2026-03-01T12:30:00Z' };
    expect((await rate(auditor, range)).data?.[0]?.eventRate).toEqual({
      from: '2026-03-01T09:30:00Z',
      to: '2026-03-01T12:30:00Z',
      total: 4,
      points: [
        { start: '2026-03-01T09:00:00Z', events: 0, perMinute: 0 },
        { start: '2026-03-01T10:00:00Z', events: 1, perMinute: 1 / 60 },
        { start: '2026-03-01T11:00:00Z', events: 2, perMinute: 2 / 60 },
        { start: '2026-03-01T12:00:00Z', events: 1, perMinute: 1 / 60 },
      ],
    });
  });

  it('ends now and has 24 intervals unless told', async () => {
    const { data } = await rate(auditor, { interval: 'MINUTE' });
    const found = data?.[0]?.eventRate as { total: number; points: unknown[] };
    expect([found.total, found.points.length]).toEqual([1, 24]);
  });

  it('refuses ranges that are empty or too long', async () => {
    const to = '2026-03-01T12:30:00Z';
    expect((await rate(auditor, { interval: 'HOUR', from: to, to })).codes).toEqual(['INVALID_TIME_RANGE']);
    const month = { interval: 'MINUTE', from: '2026-02-01T00:00:00Z', to };
    expect((await rate(auditor, month)).codes).toEqual(['LIMIT_EXCEEDED']);
  });

  it('is not there for a foreign account, and not for keys that only write', async () => {
    expect(await rate(auditor, { interval: 'HOUR' }, TWO)).toEqual({ data: [null], codes: [], messages: [] });
    expect((await rate(auditor, { interval: 'HOUR' }, 'x')).data).toEqual([null]);
    expect((await rate(ingest, { interval: 'HOUR' })).codes).toEqual(['FORBIDDEN']);
    expect((await rate(administrator, { interval: 'HOUR' }, TWO)).data?.[0]).not.toBeNull();
  });
});

it('counts a page of accounts one after another, not to fill the queue of all', async () => {
  let running = 0;
  let most = 0;
  const counts = async () => {
    most = Math.max(most, (running += 1));
    await Promise.resolve();
    running -= 1;
    return { total: 0, groups: [], moreGroups: false, buckets: [] };
  };
  const services = new InsightsService({ history: { counts }, now: () => NOW });
  const counted = buildSubgraph(insights, { services, log: { error: () => undefined } });
  const accounts = Array.from({ length: 200 }, (_, index) => ({
    __typename: 'Account',
    id: String(500_000_000_000 + index),
  }));
  const variables = { accounts, interval: 'HOUR' };
  const result = plain(await runAs(counted, administrator, { text: RATE, variables }));
  expect(result.codes).toEqual([]);
  expect(most).toBe(1);
});
