import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import type { OpenJournal } from '#journal/journal';
import { HistoryProjection } from '#projections/history/history-projection';
import { SqliteHistoryIndex } from '#projections/history/sqlite-history-index';
import { createBulkDoor, createEventsServices, events, type BulkReport } from '#subgraphs/events/index';
import { buildSubgraph, type Subgraph } from '#subgraphs/shared/build-subgraph';
import { noAlerts } from '#test/events/no-alerts';
import { noExports } from '#test/events/no-exports';
import { MemoryAccounts } from '#test/events/memory-accounts';
import { recordText, recordTexts } from '#test/events/records';
import { plain, runAs } from '#test/events/run-subgraph';
import { LocalPubSub } from '#test/local-pubsub';
import { createLogBed, type LogBed } from '#test/log-bed';

const ONE = '111111111111';
const administrator: Principal = { keyId: 'admin', role: 'administrator', accounts: 'ALL' };
const log = { error: () => undefined };

let bed: LogBed;
let journal: OpenJournal;
let projection: HistoryProjection;
let history: SqliteHistoryIndex;
let subgraph: Subgraph;
let server: Server;
let address: string;

beforeAll(async () => {
  bed = await createLogBed();
  await bed.recover();
  journal = await bed.open();
  projection = new HistoryProjection(`${bed.folder}/history`);
  await projection.init();
  history = new SqliteHistoryIndex(`${bed.folder}/history`, journal);
  const { eventIds } = journal;
  const accounts = new MemoryAccounts(ONE);
  const live = { pubsub: new LocalPubSub(), onError: log.error };
  const services = createEventsServices({
    journal,
    history,
    accounts,
    eventIds,
    now: Date.now,
    live,
    exports: noExports,
    alerts: noAlerts,
  });
  subgraph = buildSubgraph(events, { services, log });
  const authenticate = (): Promise<Principal> => Promise.resolve(administrator);
  const door = createBulkDoor({ authenticate, recorder: services.recorder, log });
  server = createServer((request, response) => {
    door(request, response, 'r1').catch((error: unknown) => response.destroy(error as Error));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  address = `http://127.0.0.1:${port}/v1/events`;
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await history.close();
  await projection.close();
  await journal.close();
  await bed.remove();
});

async function send(body: string, query = ''): Promise<BulkReport> {
  const response = await fetch(`${address}${query}`, { method: 'POST', body });
  expect(response.status).toBe(200);
  return (await response.json()) as BulkReport;
}

async function settle(): Promise<void> {
  for (;;) {
    const slice = await journal.read(await projection.cursor(), 1000);
    await projection.write(slice);
    if (slice.behind === 0) return;
  }
}

async function ask(text: string, variables: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const { data, messages } = plain(await runAs(subgraph, administrator, { text, variables }));
  expect(messages).toEqual([]);
  return data ?? {};
}

describe('events through the bulk door into the real journal', () => {
  const texts = recordTexts(3000);

  it('are recorded once, counted exactly, and found with their bytes', async () => {
    expect(await send(texts.join('\n'))).toMatchObject({ received: 3000, recorded: 3000 });
    const mixed = [
      ...texts.slice(0, 10),
      (texts[10] ?? '').replace('{', '{ '),
      (texts[11] ?? '').replace('GetObject', 'PutObject'),
      '{"eventName":1}',
      recordText({ eventID: 'new' }),
    ];
    const again = await send(`[${mixed.join(',')}]`);
    expect(again).toMatchObject({ received: 14, recorded: 1, duplicates: 11, conflicts: 1, refused: 1 });

    await journal.sealer.sealTail({ force: true });
    await settle();
    const counters = await ask('{ sourceCounters { source received accepted duplicate conflict refused } }');
    expect(counters).toEqual({
      sourceCounters: [
        { source: 'key:admin', received: 3014, accepted: 3001, duplicate: 11, conflict: 1, refused: 1 },
      ],
    });
    const conflict = again.refusals.find(({ code }) => code === 'CONFLICT');
    const found = await ask('query ($id: ID!) { event(id: $id) { eventId raw } }', { id: conflict?.id });
    expect(found).toEqual({ event: { eventId: 'event-11', raw: texts[11] } });
  });

  it('are listed in full, page by page', async () => {
    const query = `query ($after: String) { events(first: 200, after: $after) {
      edges { node { raw } } pageInfo { hasNextPage endCursor } } }`;
    const raws: string[] = [];
    let after: string | undefined;
    do {
      const { events: page } = (await ask(query, { after })) as {
        events: {
          edges: { node: { raw: string } }[];
          pageInfo: { hasNextPage: boolean; endCursor: string };
        };
      };
      raws.push(...page.edges.map(({ node }) => node.raw));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined;
    } while (after !== undefined);
    expect(raws.toSorted()).toEqual([...texts, recordText({ eventID: 'new' })].toSorted());
  });

  it('cannot be recorded again once they were erased', async () => {
    await journal.erase({ account: ONE, before: undefined });
    const report = await send(texts[0] ?? '');
    expect(report).toMatchObject({ received: 1, recorded: 0, refused: 1 });
    expect(report.refusals).toMatchObject([{ index: 0, code: 'ERASED' }]);
  });
});
