import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendBulk } from '#projections/history/opensearch/bulk';
import { documentOf } from '#projections/history/opensearch/documents';
import { Generations } from '#projections/history/opensearch/generations';
import { EVENT_MAPPINGS, EVENT_SETTINGS } from '#projections/history/opensearch/mapping';
import { writeAlias } from '#projections/history/opensearch/names';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import {
  OpenSearchProjection,
  type OpenSearchProjectionOptions,
} from '#projections/history/opensearch/opensearch-projection';
import { StateStore } from '#projections/history/opensearch/state';
import { DEFAULT_CATEGORIES } from '#projections/history/retention';
import { ArrayJournal, type TestEvent } from '#test/array-journal';
import { startCuttingProxy } from '#test/cutting-proxy';
import { allRows } from '#test/history-bed';
import { createOpenSearchBed, type OpenSearchBed } from '#test/opensearch-bed';

const DAY = 86_400_000;
const JANUARY = Date.UTC(2026, 0, 15);
/** Small enough for every kind of step to happen in some slices. */
const LIMITS = { months: 3, documents: 20, bytes: 1024 ** 3, lookEvery: 8 };

function event(index: number): TestEvent {
  const eventTime = JANUARY + (index % 5) * 31 * DAY + index * 1000;
  const record = { eventName: `Name${index}`, userIdentity: {}, requestParameters: { index } };
  return { account: '111111111111', eventId: `id-${index}`, eventTime, record };
}

describe('A writer of history in OpenSearch', () => {
  let bed: OpenSearchBed;
  let index: OpenSearchHistoryIndex;
  let journal: ArrayJournal;

  beforeEach(() => {
    bed = createOpenSearchBed();
    journal = new ArrayJournal();
    index = new OpenSearchHistoryIndex(bed.options, journal);
    for (let number = 0; number < 80; number += 1) journal.add(event(number));
  });
  afterEach(async () => {
    await index.close();
    await bed.remove();
  });

  const open = (options: Partial<OpenSearchProjectionOptions> = {}): OpenSearchProjection =>
    new OpenSearchProjection({ ...bed.options, months: LIMITS, ...options });

  const write = async (projection: OpenSearchProjection, limit: number): Promise<number> => {
    const slice = await journal.read(await projection.cursor(), limit);
    await projection.write(slice);
    return slice.behind;
  };

  const writeAll = async (projection: OpenSearchProjection, limit: number): Promise<void> => {
    while ((await write(projection, limit)) > 0);
  };

  const names = async (): Promise<string[]> =>
    (await allRows(index)).map(({ eventId }) => eventId).toSorted();
  const everyName = (): string[] =>
    journal
      .all()
      .map(({ eventId }) => eventId)
      .toSorted();

  it('spreads events over months, begins another index when one is full, and bounds the months', async () => {
    const projection = open();
    await projection.init();
    await writeAll(projection, 10);
    const { state } = await new StateStore(bed.openSearch, bed.names.state).read();
    const months = new Set(state.indices.map(({ month }) => month));
    expect([...months].toSorted()).toEqual(['2026.01', '2026.02', '2026.03', 'other']);
    expect(state.indices.filter(({ month }) => month === 'other').length).toBeGreaterThan(1);
    expect(state.indices.filter(({ closed }) => !closed).length).toBe(4);
    expect(await names()).toEqual(everyName());
  });

  it('keeps each event once wherever its process dies', { timeout: 600_000 }, async () => {
    const proxy = await startCuttingProxy(bed.options.url);
    let lost = 0;
    for (let number = 1, isOver = false; !isOver; number += 1) {
      const first = journal.all().length;
      for (let added = 0; added < 20; added += 1) journal.add(event(first + added));
      proxy.cutAt(number);
      const dying = open({ url: proxy.url });
      try {
        await dying.init();
        for (let slices = 0; slices < 2; slices += 1) await write(dying, 9);
        isOver = proxy.requests < number;
      } catch (error) {
        expect(error).toMatchObject({ code: 'UNAVAILABLE' });
        lost += 1;
      }
      const next = open();
      await next.init();
      // Another slice size: the routes may change where the dead one had begun.
      await writeAll(next, 50);
      expect({ number, names: await names() }).toEqual({ number, names: everyName() });
    }
    expect(lost).toBeGreaterThan(15);
    await proxy.close();
  });

  it('cannot write any more once another has taken over, not even what is on its way', async () => {
    const first = open();
    await first.init();
    await write(first, 10);
    const { state } = await new StateStore(bed.openSearch, bed.names.state).read();
    const second = open();
    await second.init();
    await expect(write(first, 10)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // A request of the first that comes late, as if it had been held up in the network.
    const late = documentOf(journal.all()[50]!, DEFAULT_CATEGORIES)!;
    const alias = writeAlias(state.indices[0]!.name, state.term);
    await expect(sendBulk(bed.openSearch, [{ alias, document: late }])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(await names()).toEqual(everyName().filter((name) => Number(name.slice(3)) < 10));
    await writeAll(second, 10);
    expect(await names()).toEqual(everyName());
  });

  it('notices that an index is gone, and history is built again', async () => {
    const projection = open();
    await projection.init();
    await writeAll(projection, 50);
    const { state } = await new StateStore(bed.openSearch, bed.names.state).read();
    await bed.openSearch.request('DELETE', `/${state.indices[1]!.name}`);
    const next = open();
    await next.init();
    expect(await next.cursor()).toEqual({ epoch: 0, position: 0 });
    await writeAll(next, 50);
    expect(await names()).toEqual(everyName());
  });

  it('says so when the state is gone while it writes', async () => {
    const projection = open();
    await projection.init();
    await write(projection, 10);
    await bed.openSearch.request('DELETE', `/${await stateIndex(bed)}`);
    await expect(write(projection, 10)).rejects.toMatchObject({ code: 'CORRUPT' });
    await expect(index.freshness()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await projection.reset();
    await writeAll(projection, 50);
    expect(await names()).toEqual(everyName());
  });

  it('keeps parameters of any shape and size, and tells what it had to cut', async () => {
    const wide = Object.fromEntries(Array.from({ length: 20_000 }, (_, key) => [`key${key}`, key]));
    const deep = Array.from({ length: 96 }).reduce<object>((inner) => ({ a: inner }), {});
    const parameters = [
      wide,
      deep,
      { long: 'ÿ'.repeat(500_000) },
      { ['ÿ'.repeat(50_000)]: 1 },
      { '': 1, '.': 2, 'a..b': 3, 'a.': 4, ' ': 5, __proto__: 6, '\u0000': '\ud800', 'a=b': [[['x']]] },
      [1, 'two', { three: 3 }],
      'text',
    ];
    const odd = new ArrayJournal();
    for (const [number, requestParameters] of parameters.entries()) {
      const { record, ...rest } = event(number);
      odd.add({ ...rest, record: { ...(record as object), requestParameters } });
    }
    const projection = open();
    await projection.init();
    await projection.write(await odd.read({ epoch: 0, position: 0 }, 100));
    expect((await allRows(index)).length).toBe(parameters.length);
    expect(await index.refusals()).toEqual({ missing: 0, abridged: 0 });
    const found = await index.search({
      filter: { kind: 'words', words: ['key19999'] },
      accounts: 'ALL',
      order: 'TIME_DESC',
      limit: 10,
    });
    expect(found.rows.map(({ eventName }) => eventName)).toEqual(['Name0']);
  });

  it('keeps what OpenSearch refuses apart, counted, until a rebuild finds it taken', async () => {
    // An operator's template that goes before ours, and does not fit.
    const { properties, ...mappings } = EVENT_MAPPINGS;
    const odd = { ...properties, userAgent: { type: 'integer' }, requestParameters: { type: 'date' } };
    const template = `/_index_template/${bed.options.prefix}-odd`;
    const body = {
      index_patterns: [bed.names.allEvents],
      priority: 300,
      template: { settings: EVENT_SETTINGS, mappings: { ...mappings, properties: odd } },
    };
    await bed.openSearch.request('PUT', template, { body });
    const few = new ArrayJournal();
    const records = [
      { requestParameters: { a: 1 } },
      { userAgent: 'curl' },
      {},
      { userAgent: 'x', requestParameters: {} },
    ];
    for (const [number, record] of records.entries()) few.add({ ...event(number), record });
    const slice = await few.read({ epoch: 0, position: 0 }, 10);
    const projection = open();
    await projection.init();
    await projection.write(slice);
    expect(await projection.cursor()).toEqual({ epoch: 0, position: 4 });
    expect(await names()).toEqual(['id-0', 'id-2']);
    expect(await index.refusals()).toEqual({ missing: 2, abridged: 1 });
    await bed.openSearch.request('DELETE', template);
    const successor = await projection.startRebuild();
    await successor.write(slice);
    await successor.publish();
    expect(await names()).toEqual(['id-0', 'id-1', 'id-2', 'id-3']);
    expect(await index.refusals()).toEqual({ missing: 0, abridged: 0 });
  });
});

async function stateIndex({ openSearch, names }: OpenSearchBed): Promise<string> {
  const generation = await new Generations(openSearch, names).current();
  return names.stateOf(generation ?? 0);
}
