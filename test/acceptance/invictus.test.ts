import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Platform } from '#test/acceptance/platform';
import { cairn, startPlatform } from '#test/acceptance/platform';
import { allEvents, graphql, settled, withoutOwn } from '#test/acceptance/client';

const FOLDER = new URL('../../../shared/data/cloudtrail-invictus/', import.meta.url).pathname;

/** The exact text of each element of a file's `Records`, cut out without parsing numbers. */
function rawRecords(text: string): string[] {
  const records: string[] = [];
  let depth = 0;
  let start = 0;
  let inString = false;
  for (let i = text.indexOf('['); i < text.length; i += 1) {
    const c = text[i];
    if (inString) {
      if (c === '\\') i += 1;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === '{' && depth++ === 0) start = i;
    else if (c === '}' && --depth === 0) records.push(text.slice(start, i + 1));
  }
  return records;
}

const compare = (one: string, other: string): number => (one < other ? -1 : 1);

describe.skipIf(!existsSync(FOLDER))('954 real CloudTrail events', () => {
  let platform: Platform;
  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(async () => platform[Symbol.asyncDispose]());

  it('go in by cairn import, are found again one by one, and are byte-equal', async () => {
    const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.json'));
    const texts = await Promise.all(files.map((name) => readFile(FOLDER + name, 'utf8')));
    const expected = texts.flatMap(rawRecords);
    expect(expected).toHaveLength(954);

    const env = {
      CAIRN_URL: platform.url,
      CAIRN_API_KEY: platform.apiKey,
    };
    const first = await cairn(['import', FOLDER, '-o', 'json', '--state', `${platform.dataDir}-state`], env);
    expect(first.stderr).toBe('');
    expect(JSON.parse(first.stdout)).toMatchObject({ files: 13, received: 954, recorded: 954, refused: 0 });
    await settled(platform);

    const { sent } = withoutOwn(await allEvents(platform));
    expect(sent.map(({ raw }) => raw).toSorted(compare)).toEqual(expected.toSorted(compare));

    for (const text of expected.filter((_, index) => index % 50 === 0)) {
      const { eventID } = JSON.parse(text) as { eventID: string };
      const data: EventsPage = await graphql(platform, ONE, { eventId: eventID });
      expect(data.events.edges.map((edge) => edge.node.raw)).toEqual([text]);
    }
  });

  it('are answered DUPLICATE when they come again', async () => {
    const env = {
      CAIRN_URL: platform.url,
      CAIRN_API_KEY: platform.apiKey,
    };
    const again = await cairn(['import', FOLDER, '-o', 'json', '--state', `${platform.dataDir}-other`], env);
    expect(JSON.parse(again.stdout)).toMatchObject({
      received: 954,
      recorded: 0,
      duplicates: 954,
      refused: 0,
    });
  });
});

interface EventsPage {
  readonly events: {
    readonly edges: readonly { readonly node: { readonly eventId: string; readonly raw: string } }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

const ONE = `query ($eventId: String!) {
  events(filter: { eventId: { equals: $eventId } }, first: 10) {
    edges { node { eventId raw } } pageInfo { hasNextPage endCursor }
  }
}`;
