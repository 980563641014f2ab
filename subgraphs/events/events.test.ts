import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { startEvents } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const TWO = '222222222222';
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };
const auditorOfOne: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };
const ingestOne: Principal = { keyId: 'in', role: 'ingest', accounts: [ONE] };
const NOW = Date.parse('2026-03-10T00:00:00Z');

const RECORD = `mutation ($input: RecordEventsInput!) {
  recordEvents(input: $input) { recorded duplicates conflicts refused
    results { result entryId id code path message } }
}`;

type Platform = Awaited<ReturnType<typeof startEvents>>;
interface Connection {
  edges: { cursor: string; node: Record<string, unknown> & { id: string } }[];
  pageInfo: Record<string, unknown>;
}

const at = (minute: number): string =>
  new Date(Date.parse('2026-03-01T00:00:00Z') + minute * 60_000).toISOString();
/** 30 events of account ONE, one a minute; every third of account TWO instead. */
const texts = Array.from({ length: 30 }, (_, index) =>
  recordText({
    eventID: `id-${index}`,
    eventTime: at(index),
    eventName: index % 2 === 0 ? 'GetObject' : 'PutObject',
    recipientAccountId: index % 3 === 0 ? TWO : ONE,
    requestParameters: { bucketName: `bucket-${index}` },
  }),
);

let cairn: Platform;
beforeAll(async () => {
  cairn = await startEvents(() => NOW, ONE, TWO);
  const input = { events: texts.map((eventData) => ({ eventData })) };
  await cairn.run(administrator, RECORD, { input });
  await cairn.settle();
});
afterAll(() => cairn[Symbol.asyncDispose]());

async function events(principal: Principal, args: string, selection = 'eventId'): Promise<Connection> {
  const query = `{ events${args} { edges { cursor node { id ${selection} } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
  const { data, messages } = plain(await cairn.run(principal, query));
  expect(messages).toEqual([]);
  return data?.['events'] as Connection;
}
const ids = ({ edges }: Connection): unknown[] => edges.map(({ node }) => node['eventId']);

describe('events', () => {
  it('lists the newest first, and pages through to the end and back', async () => {
    const newestFirst = texts.map((_, index) => `id-${index}`).toReversed();
    expect(ids(await events(administrator, ''))).toEqual(newestFirst);
    expect(ids(await events(administrator, '(orderBy: EVENT_TIME_ASC, first: 3)'))).toEqual([
      'id-0',
      'id-1',
      'id-2',
    ]);

    const seen: unknown[] = [];
    let page = await events(administrator, '(first: 7)');
    for (;;) {
      seen.push(...ids(page));
      if (page.pageInfo['hasNextPage'] !== true) break;
      page = await events(administrator, `(first: 7, after: "${String(page.pageInfo['endCursor'])}")`);
    }
    expect(seen).toEqual(newestFirst);
    const cursor = String(page.pageInfo['startCursor']);
    const before = await events(administrator, `(last: 4, before: "${cursor}")`);
    expect(ids(before)).toEqual(['id-5', 'id-4', 'id-3', 'id-2']);
    expect(before.pageInfo).toMatchObject({ hasPreviousPage: true, hasNextPage: true });
  });

  it('filters, and says where a filter is wrong', async () => {
    const filter = `(filter: { or: [
      { eventName: { equals: "PutObject" }, eventTime: { from: "${at(20)}" } },
      { words: "BUCKET-2" }
    ], not: { account: { in: ["${TWO}"] } }, readOnly: { exists: false } })`;
    expect(ids(await events(administrator, filter))).toEqual(['id-29', 'id-25', 'id-23', 'id-2']);
    const wrong = await cairn.run(
      administrator,
      '{ events(filter: { and: [{ eventName: { prefix: "Ge" } }] }) { edges { cursor } } }',
    );
    expect(wrong.errors?.[0]?.extensions).toMatchObject({
      code: 'INVALID_FILTER',
      argument: 'filter.and[0].eventName.prefix',
    });
  });

  it('refuses pages and cursors that cannot be', async () => {
    for (const [args, code] of [
      ['first: 201', 'LIMIT_EXCEEDED'],
      ['first: -1', 'INVALID_ARGUMENT'],
      ['first: 1, last: 1', 'INVALID_ARGUMENT'],
      ['after: "abc"', 'INVALID_CURSOR'],
    ]) {
      const result = plain(await cairn.run(administrator, `{ events(${args}) { edges { cursor } } }`));
      expect(result.codes).toEqual([code]);
    }
    expect((await events(administrator, '(first: 0)')).edges).toEqual([]);
  });

  it('reads a page of the list from the index alone, and its records in one go', async () => {
    cairn.journal.gets.length = 0;
    const columns = `account { id } eventTime eventName eventSource readOnly username principalArn accessKeyId
      resources { type name arn } awsRegion sourceIPAddress userAgent errorCode eventCategory accountId`;
    await events(administrator, '(first: 10)', columns);
    expect(cairn.journal.gets).toEqual([]);
    const page = await events(administrator, '(first: 10)', 'raw requestParameters eventVersion');
    expect(cairn.journal.gets).toEqual([10]);
    expect(page.edges.map(({ node }) => node['raw'])).toEqual(texts.slice(20).toReversed());
  });

  it('counts, in groups and over time', async () => {
    const query = `{ eventCounts(filter: { eventTime: { from: "${at(0)}", to: "${at(10)}" } },
      groupBy: eventName, interval: HOUR, top: 1) {
      total groups { value count } moreGroups buckets { start count } } }`;
    expect(plain(await cairn.run(administrator, query)).data).toEqual({
      eventCounts: {
        total: 10,
        groups: [{ value: 'GetObject', count: 5 }],
        moreGroups: true,
        buckets: [{ start: '2026-03-01T00:00:00Z', count: 10 }],
      },
    });
    const own = plain(
      await cairn.run(auditorOfOne, '{ eventCounts(groupBy: account) { total groups { value } } }'),
    );
    expect(own.data).toEqual({ eventCounts: { total: 20, groups: [{ value: ONE }] } });
  });

  it('says how fresh it is', async () => {
    const { data } = plain(
      await cairn.run(auditorOfOne, '{ historyFreshness { eventsBehind secondsBehind } }'),
    );
    // How much waits is the volume of all accounts.
    expect(data).toEqual({ historyFreshness: { eventsBehind: null, secondsBehind: 0 } });
  });
});

describe('tenancy', () => {
  const entity = `query ($ids: [_Any!]!) { _entities(representations: $ids) { ... on Event { eventId raw } } }`;

  it('shows a key only what belongs to its accounts', async () => {
    const all = await events(administrator, '');
    const own = await events(auditorOfOne, '', 'account { id }');
    expect(own.edges).toHaveLength(20);
    expect(new Set(own.edges.map(({ node }) => (node['account'] as { id: string }).id))).toEqual(
      new Set([ONE]),
    );
    expect((await events(auditorOfOne, `(filter: { account: { equals: "${TWO}" } })`)).edges).toEqual([]);

    const [foreign = '', mine = ''] = [27, 28].map((index) => all.edges[29 - index]?.node.id ?? '');
    const query = 'query ($id: ID!) { event(id: $id) { eventId account { id } } }';
    expect(plain(await cairn.run(auditorOfOne, query, { id: foreign }))).toEqual({
      data: { event: null },
      codes: [],
      messages: [],
    });
    expect(plain(await cairn.run(auditorOfOne, query, { id: 'nonsense' })).data).toEqual({ event: null });
    expect(plain(await cairn.run(auditorOfOne, query, { id: mine })).data).toEqual({
      event: { eventId: 'id-28', account: { id: ONE } },
    });

    cairn.journal.gets.length = 0;
    const references = [foreign, mine, 'nonsense'].map((id) => ({ __typename: 'Event', id }));
    expect(plain(await cairn.run(auditorOfOne, entity, { ids: references })).data).toEqual({
      _entities: [null, { eventId: 'id-28', raw: texts[28] }, null],
    });
    expect(cairn.journal.gets).toEqual([2]);
  });

  it('lets an ingest key read nothing', async () => {
    for (const query of [
      '{ events { edges { cursor } } }',
      '{ eventCounts { total } }',
      '{ event(id: "x") { eventId } }',
      '{ lookupEvents { nextToken } }',
      '{ historyFreshness { eventsBehind } }',
      '{ sourceCounters { source } }',
    ]) {
      expect(plain(await cairn.run(ingestOne, query)).codes).toEqual(['FORBIDDEN']);
    }
    const ids = [{ __typename: 'Event', id: 'x' }];
    expect(plain(await cairn.run(ingestOne, entity, { ids })).codes).toEqual(['FORBIDDEN']);
    const auditor = plain(await cairn.run(auditorOfOne, RECORD, { input: { events: [] } }));
    expect(auditor.codes).toEqual(['FORBIDDEN']);
  });

  it('shows a scoped key the counters of its own source only', async () => {
    const input = { events: [{ eventData: texts[1] }] };
    await cairn.run(ingestOne, RECORD, { input });
    const query = '{ sourceCounters { source received accepted duplicate conflict refused } }';
    const own: Principal = { ...auditorOfOne, keyId: 'in' };
    expect(plain(await cairn.run(own, query)).data).toEqual({
      sourceCounters: [{ source: 'key:in', received: 1, accepted: 0, duplicate: 1, conflict: 0, refused: 0 }],
    });
    expect(plain(await cairn.run(auditorOfOne, query)).data).toEqual({ sourceCounters: [] });
    const all = plain(await cairn.run(administrator, '{ sourceCounters { source } }'));
    expect(all.data).toEqual({ sourceCounters: [{ source: 'key:admin' }, { source: 'key:in' }] });
  });
});

describe('lookupEvents', () => {
  const lookup = async (principal: Principal, args: string) =>
    plain(
      await cairn.run(
        principal,
        `{ lookupEvents${args} { nextToken events { eventId readOnly cloudTrailEvent event { id }
          resources { resourceType resourceName } } } }`,
      ),
    );
  interface Page {
    nextToken: string | null;
    events: { eventId: string; cloudTrailEvent: string }[];
  }

  it('pages through what one attribute finds', async () => {
    const found: string[] = [];
    let token: string | null = null;
    do {
      const next: string = token === null ? '' : `, nextToken: "${token}"`;
      const { data, codes } = await lookup(
        auditorOfOne,
        `(lookupAttributes: [{ key: EventName, value: "PutObject" }], maxResults: 4${next})`,
      );
      expect(codes).toEqual([]);
      const page = data?.['lookupEvents'] as Page;
      found.push(...page.events.map(({ eventId }) => eventId));
      expect(page.events.map(({ cloudTrailEvent }) => texts.includes(cloudTrailEvent))).not.toContain(false);
      token = page.nextToken;
    } while (token !== null);
    expect(found).toEqual([
      'id-29',
      'id-25',
      'id-23',
      'id-19',
      'id-17',
      'id-13',
      'id-11',
      'id-7',
      'id-5',
      'id-1',
    ]);
  });

  it('takes a token only with the parameters that it came from', async () => {
    const { data } = await lookup(administrator, '(maxResults: 4)');
    const nextToken = (data?.['lookupEvents'] as Page | undefined)?.nextToken ?? '';
    for (const args of [
      `(maxResults: 4, eventCategory: "insight", nextToken: "${nextToken}")`,
      `(maxResults: 4, account: "${ONE}", nextToken: "${nextToken}")`,
      '(nextToken: "abc.def")',
    ]) {
      expect((await lookup(administrator, args)).codes).toEqual(['INVALID_NEXT_TOKEN']);
    }
    expect((await lookup(administrator, `(maxResults: 4, nextToken: "${nextToken}")`)).codes).toEqual([]);
  });

  it('has CloudTrail’s own errors', async () => {
    const attribute = '{ key: EventName, value: "x" }';
    for (const [args, code] of [
      [`lookupAttributes: [${attribute}, ${attribute}]`, 'INVALID_LOOKUP_ATTRIBUTES'],
      ['maxResults: 51', 'INVALID_MAX_RESULTS'],
      ['eventCategory: "data"', 'INVALID_EVENT_CATEGORY'],
      [`startTime: "${at(2)}", endTime: "${at(1)}"`, 'INVALID_TIME_RANGE'],
    ]) {
      expect((await lookup(administrator, `(${args})`)).codes).toEqual([code]);
    }
  });
});

describe('recordEvents', () => {
  const record = async (principal: Principal, input: unknown) => {
    const { data, codes, messages } = plain(await cairn.run(principal, RECORD, { input }));
    return { codes, messages, payload: data?.['recordEvents'] as { results: Record<string, unknown>[] } };
  };
  const sha = (text: string): string => createHash('sha256').update(text).digest('base64');

  it('answers for each event, with an id that finds it again', async () => {
    const fresh = recordText({ eventID: 'fresh', requestParameters: { rate: 1 } }).replace(
      ':1}',
      ':9.82222E-5}',
    );
    const { payload } = await record(ingestOne, {
      events: [
        { entryId: 'a', eventData: fresh, eventDataChecksum: sha(fresh) },
        { entryId: 'b', eventData: fresh },
        { eventData: fresh.replace('GetObject', 'PutObject') },
        { entryId: 'c', eventData: fresh, eventDataChecksum: sha('another') },
        { eventData: recordText({ recipientAccountId: TWO }) },
        { eventData: '"\ud800"' },
        { eventData: '{' },
      ],
    });
    expect(payload).toMatchObject({ recorded: 1, duplicates: 1, conflicts: 1, refused: 4 });
    expect(payload.results.map(({ result, code, path }) => [result, code, path])).toEqual([
      ['RECORDED', null, null],
      ['DUPLICATE', null, null],
      ['CONFLICT', 'CONFLICT', null],
      ['REFUSED', 'INVALID_CHECKSUM', 'eventDataChecksum'],
      ['REFUSED', 'ACCOUNT_NOT_ALLOWED', 'recipientAccountId'],
      ['REFUSED', 'INVALID_UTF8', null],
      ['REFUSED', 'INVALID_JSON', null],
    ]);
    expect(payload.results.map(({ entryId }) => entryId)).toEqual(['a', 'b', null, 'c', null, null, null]);
    const [first, second, third] = payload.results.map(({ id }) => id);
    expect([second, third]).toEqual([first, first]);
    const event = await cairn.run(
      auditorOfOne,
      'query ($id: ID!) { event(id: $id) { raw requestParameters } }',
      { id: first },
    );
    expect(plain(event).data).toEqual({ event: { raw: fresh, requestParameters: '{"rate":9.82222E-5}' } });
  });

  it('limits a request, not the events in it', async () => {
    const event = { eventData: recordText() };
    expect((await record(ingestOne, { events: [] })).codes).toEqual(['INVALID_ARGUMENT']);
    expect((await record(ingestOne, { events: Array(101).fill(event) })).codes).toEqual(['LIMIT_EXCEEDED']);
    const half = { eventData: recordText({ padding: 'x'.repeat(600_000) }) };
    expect((await record(ingestOne, { events: [half, half] })).codes).toEqual(['LIMIT_EXCEEDED']);
    const twice = { ...event, entryId: 'same' };
    expect((await record(ingestOne, { events: [twice, twice] })).codes).toEqual(['INVALID_ARGUMENT']);
    const large = { eventData: recordText({ padding: 'x'.repeat(1_100_000) }) };
    const { payload } = await record(ingestOne, { events: [large] });
    expect(payload.results[0]).toMatchObject({ result: 'REFUSED', code: 'EVENT_TOO_LARGE' });
  });
});
