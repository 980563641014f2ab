import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type GraphQLSchema, buildSchema, execute, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { schemaFiles } from '#gateway/schema-files';
import type { ApiExample } from '#test/api/example';
import { apiExamples } from '#test/api/examples';
import { apiReference, rootFields } from '#test/api/reference';
import { subgraphSdls } from '#test/federation/definitions';

const api = buildSchema(schemaFiles(subgraphSdls()).get('api.graphql') ?? '');
const REFERENCE = new URL('../../docs/api.md', import.meta.url).pathname;

describe('docs/api.md', () => {
  test('is what the subgraphs say, with an example each', async () => {
    await expect(apiReference(api, apiExamples)).toMatchFileSnapshot(REFERENCE);
  });

  test('every field of the roots has exactly one example', () => {
    const fields = rootFields(api).flatMap((root) => root.fields.map(({ name }) => `${root.kind} ${name}`));
    expect(apiExamples.map(({ field }) => field).toSorted()).toEqual(fields.toSorted());
  });

  test.each(apiExamples.map((example) => [example.field, example] as const))(
    '%s: the example fits the schema',
    (_, example) => {
      expect(faultsOf(api, example)).toEqual([]);
    },
  );

  test.each([
    ['an unknown field', { operation: '{ publicKeys { nothing } }' }, 'Cannot query field "nothing"'],
    [
      'another field',
      { operation: '{ checkpoint(size: 1) { size } }', answer: { checkpoint: null } },
      'asks for checkpoint',
    ],
    ['a missing value', { answer: { publicKeys: [{ vkey: 'v' }] } }, 'Cannot return null'],
    ['a value too many', { answer: { publicKeys: [], more: 1 } }, 'answers'],
    ['a wrong variable', { operation: 'query ($n: Int!) { publicKeys { vkey } }' }, '$n'],
  ])('%s in an example would be noticed', (_, change, fault) => {
    const example: ApiExample = {
      field: 'query publicKeys',
      who: 'readers',
      operation: '{ publicKeys { vkey since } }',
      answer: { publicKeys: [] },
      ...change,
    };
    expect(faultsOf(api, example).join('\n')).toContain(fault);
  });

  test('leads to what it names', async () => {
    const text = await readFile(REFERENCE, 'utf8');
    const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => anchorOf(title));
    const anchors = new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id)]);
    const links = [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, id]) => id);
    expect(links.filter((id) => !anchors.has(id))).toEqual([]);
    expect(links.length).toBeGreaterThan(100);
  });
});

function anchorOf(title: string): string {
  return title.toLowerCase().replaceAll(' ', '-');
}

/** The answer that is shown is what the operation makes of itself: nothing is missing, nothing too much. */
function faultsOf(schema: GraphQLSchema, { field, operation, variables = {}, answer }: ApiExample): string[] {
  const document = parse(operation);
  const invalid = validate(schema, document);
  if (invalid.length > 0) return invalid.map(({ message }) => message);
  const result = execute({ schema, document, rootValue: answer, variableValues: variables });
  if (result instanceof Promise) return ['The answer is a promise.'];
  const { data, errors = [] } = result;
  const name = field.slice(field.indexOf(' ') + 1);
  const asked = Object.keys(data ?? {}).join(', ');
  return [
    ...errors.map(({ message }) => message),
    ...(data && asked !== name ? [`${field} asks for ${asked}`] : []),
    ...(data && !isDeepStrictEqual(JSON.parse(JSON.stringify(data)), answer)
      ? ['answers something else']
      : []),
  ];
}
