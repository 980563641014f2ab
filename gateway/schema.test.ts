import { readFile, readdir } from 'node:fs/promises';
import { buildSchema, findBreakingChanges } from 'graphql';
import { describe, expect, test } from 'vitest';
import { RELEASED_FILE, schemaFiles } from '#gateway/schema-files';
import { subgraphSdls } from '#test/federation/definitions';
import { undescribed } from '#test/federation/schema-rules';

/** `npm run schema` is this file with `--update`: what it compares with, it writes then. */
const folder = new URL('./schema/', import.meta.url);
const files = schemaFiles(subgraphSdls());
const api = buildSchema(files.get('api.graphql') ?? '');

describe('gateway/schema', () => {
  test.each([...files])('%s is what the subgraphs say', async (name, text) => {
    await expect(text).toMatchFileSnapshot(new URL(name, folder).pathname);
  });

  test('holds nothing else', async () => {
    const expected = [...files.keys(), RELEASED_FILE].toSorted();
    expect((await readdir(folder)).toSorted()).toEqual(expected);
  });

  test('breaks nothing that was released (`npm run schema:release` makes it the new release)', async () => {
    const released = buildSchema(await readFile(new URL(RELEASED_FILE, folder), 'utf8'));
    expect(findBreakingChanges(released, api).map(({ description }) => description)).toEqual([]);
  });

  test('a breaking change would be noticed', () => {
    const text = (files.get('api.graphql') ?? '').replace('hasNextPage: Boolean!', 'hasNextPage: Boolean');
    const changed = buildSchema(text);
    expect(findBreakingChanges(api, changed).map(({ description }) => description)).toEqual([
      'PageInfo.hasNextPage changed type from Boolean! to Boolean.',
    ]);
  });

  test('describes every type, field, argument, enum value and input field', () => {
    expect(undescribed(api)).toEqual([]);
  });

  test('shows callers nothing of federation', () => {
    expect(files.get('api.graphql')).not.toMatch(/_entities|_service|join__|link__|@key|@shareable/);
  });
});
