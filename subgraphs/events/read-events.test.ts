import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { MemoryBudget } from '#platform/memory-budget';
import { runInRequest } from '#platform/request-context';
import { startEventsWithin } from '#test/events/events-platform';
import { recordText } from '#test/events/records';
import { plain } from '#test/events/run-subgraph';

const ONE = '111111111111';
const TWO = '222222222222';
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };
const auditorOfOne: Principal = { keyId: 'one', role: 'auditor', accounts: [ONE] };

const budget = new MemoryBudget({ request: 25_000, process: 40_000 });
const PAGE = 'events(first: 2, filter: { eventName: { equals: "Large" } }) { edges { node { id raw } } }';

/** Two events of some 10,000 bytes, one of an account each; one with halves of characters. */
const texts = [
  recordText({ eventID: 'large-1', eventName: 'Large', padding: 'x'.repeat(10_000) }),
  recordText({
    eventID: 'large-2',
    eventName: 'Large',
    recipientAccountId: TWO,
    padding: 'x'.repeat(10_000),
  }),
  recordText({
    eventID: 'huge',
    eventName: 'Huge',
    recipientAccountId: TWO,
    padding: 'x'.repeat(30_000),
  }),
  recordText({ eventID: 'half', eventName: 'half \ud800', userAgent: '\udc00' }),
];

let cairn: Awaited<ReturnType<typeof startEventsWithin>>;
beforeAll(async () => {
  cairn = await startEventsWithin({ budget }, Date.now, ONE, TWO);
  const query = 'mutation ($input: RecordEventsInput!) { recordEvents(input: $input) { recorded } }';
  await cairn.run(administrator, query, { input: { events: texts.map((eventData) => ({ eventData })) } });
  await cairn.settle();
});
afterAll(() => cairn[Symbol.asyncDispose]());

describe('memory', () => {
  const request = () => {
    const controller = new AbortController();
    const context = { requestId: 'r', ended: controller.signal };
    return {
      run: (query: string) => runInRequest(context, async () => plain(await cairn.run(administrator, query))),
      end: () => controller.abort(),
    };
  };

  it('is bounded for one request, however often it asks for the same page', async () => {
    const one = request();
    cairn.journal.gets.length = 0;
    const { codes } = await one.run(
      `{ ${Array.from({ length: 20 }, (_, index) => `a${index}: ${PAGE}`).join(' ')} }`,
    );
    expect(new Set(codes)).toEqual(new Set(['LIMIT_EXCEEDED']));
    // Once it is refused, nothing more is read for it.
    expect(cairn.journal.gets.length).toBeLessThan(5);
    one.end();
  });

  it('is bounded for all answers that are not out yet', async () => {
    const [one, other] = [request(), request()];
    expect((await one.run(`{ ${PAGE} }`)).codes).toEqual([]);
    const refused = await other.run(`{ ${PAGE} }`);
    expect(new Set(refused.codes)).toEqual(new Set(['TOO_MANY_REQUESTS']));
    one.end();
    expect((await other.run(`{ ${PAGE} }`)).codes).toEqual([]);
    other.end();
    expect(budget.held).toBe(0);
  });

  it('does not show how large the events of others are', async () => {
    const query = '{ events(filter: { eventName: { equals: "Huge" } }) { edges { node { id } } } }';
    const { data } = plain(await cairn.run(administrator, query));
    const { edges } = (data ?? {})['events'] as { edges: { node: { id: string } }[] };
    const single = `{ event(id: "${edges[0]?.node.id}") { id } }`;
    expect(plain(await cairn.run(administrator, single)).codes).toEqual(['LIMIT_EXCEEDED']);
    expect(plain(await cairn.run(auditorOfOne, single))).toMatchObject({ codes: [], data: { event: null } });
  });

  it('counts what lists show without their records', async () => {
    const columns = 'events { edges { node { eventName userAgent errorCode principalArn } } }';
    const one = request();
    const aliases = Array.from({ length: 30 }, (_, index) => `a${index}: ${columns}`).join(' ');
    expect((await one.run(`{ ${columns} }`)).codes).toEqual([]);
    const before = budget.held;
    await one.run(`{ ${aliases} }`);
    expect(budget.held).toBe(31 * before);
    one.end();
  });
});

describe('halves of characters', () => {
  it('are replaced alike in lists, in counts and in single events, and stay in raw', async () => {
    const fields = 'id eventName userAgent raw';
    const list = `{ events(filter: { eventId: { equals: "half" } }) { edges { node { ${fields} } } }
      eventCounts(groupBy: eventName, filter: { eventId: { equals: "half" } }) { groups { value } } }`;
    const { data } = plain(await cairn.run(administrator, list));
    const { edges } = (data ?? {})['events'] as { edges: { node: Record<string, string> }[] };
    const node = edges[0]?.node ?? {};
    expect(node).toMatchObject({ eventName: 'half \ufffd', userAgent: '\ufffd', raw: texts[3] });
    expect(data?.['eventCounts']).toEqual({ groups: [{ value: 'half \ufffd' }] });
    const single = await cairn.run(administrator, `{ event(id: "${node['id']}") { ${fields} } }`);
    expect(plain(single).data).toEqual({ event: node });
  });
});
