import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EVENT_MAPPINGS, EVENT_SETTINGS } from '#projections/history/opensearch/mapping';
import { OpenSearchHistoryIndex } from '#projections/history/opensearch/opensearch-history-index';
import { OpenSearchProjection } from '#projections/history/opensearch/opensearch-projection';
import { KEEP_ALL } from '#projections/history/retention';
import { ArrayJournal, type TestEvent } from '#test/array-journal';
import { allRows } from '#test/history-bed';
import { createOpenSearchBed, type OpenSearchBed } from '#test/opensearch-bed';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 15, 12);
const LIMITED = '222222222222';

function event(index: number, eventTime: number, account = '111111111111'): TestEvent {
  return {
    account,
    eventId: `id-${index}`,
    eventTime,
    record: { eventName: `Name${index}`, userIdentity: {} },
  };
}

describe('History in OpenSearch keeps', () => {
  let clock: number;
  let days: Map<string, number>;
  let bed: OpenSearchBed;
  let index: OpenSearchHistoryIndex;
  let projection: OpenSearchProjection;
  let journal: ArrayJournal;

  beforeEach(async () => {
    clock = NOW;
    days = new Map([[LIMITED, 10]]);
    bed = createOpenSearchBed();
    journal = new ArrayJournal();
    index = new OpenSearchHistoryIndex(bed.options, journal);
    const policy = { ...KEEP_ALL, now: () => clock, retentionDays: (account: string) => days.get(account) };
    projection = new OpenSearchProjection({ ...bed.options, policy });
    await projection.init();
  });
  afterEach(async () => {
    await projection.close();
    await index.close();
    await bed.remove();
  });

  const write = async (...events: readonly TestEvent[]): Promise<void> => {
    journal.add(...events);
    await projection.write(await journal.read(await projection.cursor(), 1000));
  };
  const names = async (): Promise<(string | undefined)[]> =>
    (await allRows(index)).map(({ eventName }) => eventName);
  const months = async (): Promise<string[]> => {
    const found = await bed.openSearch.request('GET', `/${bed.names.allEvents}/_alias`);
    return Object.keys(found as object)
      .map((name) => name.replace(/^.*-events-(.*)-\d+-\d+$/, '$1'))
      .toSorted();
  };

  it('as many days of an account as it was told, at writing and as time goes by', async () => {
    await write(
      event(0, NOW - 400 * DAY),
      event(1, NOW - 10 * DAY - 1, LIMITED),
      event(2, NOW - 10 * DAY, LIMITED),
      event(3, NOW - 9 * DAY, LIMITED),
    );
    expect(await names()).toEqual(['Name0', 'Name2', 'Name3']);
    clock = NOW + DAY / 2;
    await projection.tidy();
    expect(await names()).toEqual(['Name0', 'Name3']);
    const { total } = await index.counts({ filter: { kind: 'all' }, accounts: [LIMITED] });
    expect(total).toBe(1);
  });

  it('no index of a month that is over for all of its accounts; a late event makes a new one', async () => {
    days.set('111111111111', 100);
    await write(
      event(0, Date.UTC(2026, 3, 10)),
      event(1, Date.UTC(2026, 3, 20)),
      event(2, NOW - 1000),
      event(3, NOW - 2000, LIMITED),
    );
    expect(await months()).toEqual(['2026.04', '2026.06', 'other']);
    clock = Date.UTC(2026, 3, 15) + 100 * DAY;
    await projection.tidy();
    // April's second event is not old enough; all that the other account had is.
    expect(await names()).toEqual(['Name1', 'Name2']);
    expect(await months()).toEqual(['2026.04', '2026.06', 'other']);
    clock = Date.UTC(2026, 3, 25) + 100 * DAY;
    await projection.tidy();
    expect(await months()).toEqual(['2026.06', 'other']);
    expect(await names()).toEqual(['Name2']);
    await write(event(4, Date.UTC(2026, 3, 30)), event(5, NOW));
    expect(await months()).toEqual(['2026.04', '2026.06', 'other']);
    expect(await names()).toEqual(['Name4', 'Name2', 'Name5']);
  });

  it('no refusals of events that it no longer keeps, even when all of them are', async () => {
    const properties = { ...EVENT_MAPPINGS.properties, userAgent: { type: 'integer' } };
    const template = `/_index_template/${bed.options.prefix}-odd`;
    const body = {
      index_patterns: [bed.names.allEvents],
      priority: 300,
      template: { settings: EVENT_SETTINGS, mappings: { ...EVENT_MAPPINGS, properties } },
    };
    await bed.openSearch.request('PUT', template, { body });
    const refused = event(0, NOW - DAY, LIMITED);
    await write({ ...refused, record: { ...(refused.record as object), userAgent: 'curl' } });
    await bed.openSearch.request('DELETE', template);
    await projection.tidy();
    expect(await index.refusals()).toEqual({ missing: 1, abridged: 0 });
    clock = NOW + 30 * DAY;
    await projection.tidy();
    expect(await index.refusals()).toEqual({ missing: 0, abridged: 0 });
  });

  it('no byte of trimmed events once their account is erased', async () => {
    await write(event(1, NOW - DAY, LIMITED), event(2, NOW - DAY));
    clock = NOW + 30 * DAY;
    await projection.tidy();
    await projection.erase({ account: LIMITED, before: undefined });
    const bytes = await bytesIn(await bed.folders());
    expect(bytes).not.toMatch(/name1|Name1/);
    expect(bytes).toMatch(/name2|Name2/);
  });
});

async function bytesIn(folders: readonly string[]): Promise<string> {
  const texts: string[] = [];
  for (const folder of folders) {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
    }
  }
  return texts.join('\n');
}
