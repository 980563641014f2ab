import { memoryUsage } from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { checkFilter } from '#domain/filter/check';
import { encoderOf } from '#projections/export/encode';
import { Gatherer, type GatherParts } from '#projections/export/gather';
import type { HistoryCursor, HistoryRow } from '#projections/history/history-index';

const RECORD_BYTES = 16 * 2 ** 10;
const PART_BYTES = 2 ** 20;
const PARTS = 24;
const COUNT = (PARTS * PART_BYTES) / RECORD_BYTES;
const ROW = {
  account: '111111111111',
  eventTime: 0,
  category: 'Management',
  resources: [],
  eventName: undefined,
  eventSource: undefined,
  readOnly: undefined,
  username: undefined,
  region: undefined,
  sourceIPAddress: undefined,
  userAgent: undefined,
  errorCode: undefined,
  principalArn: undefined,
  accessKeyId: undefined,
} as const;

it('holds one part at a time, however large the file is', async () => {
  const gatherer = new Gatherer(
    { ...endless(), partBytes: PART_BYTES },
    { filter: checkFilter({}), accounts: 'ALL', order: 'TIME_ASC' },
    { encoder: encoderOf({ format: 'NDJSON', columns: [] }), end: COUNT },
  );
  const collect = garbageCollection();
  const held: number[] = [];
  let [cursor, rows]: [HistoryCursor | undefined, number] = [undefined, 0];
  for (let parts = 0, isLast = false; !isLast; parts++) {
    const part = await gatherer.gather({ cursor, rows, parts }, new AbortController().signal);
    const bytes = part.chunks.reduce((sum, { length }) => sum + length, 0);
    // A part that is full ends with what was read at a time, which is as much again at most.
    expect(bytes).toBeLessThanOrEqual(2 * PART_BYTES);
    // Buffers that the first one finds are let go of by the second at the latest.
    collect();
    collect();
    held.push(memoryUsage().arrayBuffers);
    ({ cursor, isLast } = part);
    rows += part.rows;
  }
  expect(rows).toBe(COUNT);
  expect(held.length).toBeGreaterThan(PARTS / 2);
  expect(Math.max(...held.slice(1)) - Math.min(...held.slice(1, -1))).toBeLessThan(4 * PART_BYTES);
});

/** Events that exist only when somebody asks for them. */
function endless(): GatherParts {
  const rowAt = (position: number): HistoryRow => ({
    ...ROW,
    eventId: `event-${position}`,
    place: { epoch: 0, position },
    cursor: { second: position, position },
  });
  return {
    history: {
      search: ({ after, limit }) => {
        const from = (after?.position ?? -1) + 1;
        const length = Math.min(limit, COUNT - from);
        const rows = Array.from({ length }, (_, index) => rowAt(from + index));
        return Promise.resolve({ rows, hasMore: from + length < COUNT });
      },
    },
    journal: {
      get: (places) =>
        Promise.resolve(
          places.map((place) => ({
            ...ROW,
            place,
            receivedAt: 0,
            source: 'key:test',
            eventId: `event-${place.position}`,
            // A buffer of its own, as the journal gives it.
            raw: Buffer.from(Buffer.alloc(RECORD_BYTES - 1, 'a')),
          })),
        ),
    },
  };
}

function garbageCollection(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
