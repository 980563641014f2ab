import fc from 'fast-check';
import { GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { printAnswer } from '#gateway/print-answer';

const atOnce = (): Promise<void> => Promise.resolve();

test('an answer is written as JSON.stringify writes it', async () => {
  const leaf = fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.double(), fc.date());
  const page = fc.record({ edges: fc.array(leaf, { maxLength: 60 }), more: leaf });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string(), fc.oneof(leaf, page)), async (data) => {
      const { stringify } = await printAnswer({ data }, atOnce);
      expect(stringify?.()).toBe(JSON.stringify({ data }));
    }),
  );
});

test('others are heard while a long list is written', async () => {
  let pauses = 0;
  const pause = (): Promise<void> => {
    pauses += 1;
    return Promise.resolve();
  };
  const edges = Array.from({ length: 200 }, (_, index) => ({ node: { eventId: `id-${index}` } }));
  await printAnswer({ data: { one: { edges }, other: { edges } } }, pause);
  expect(pauses).toBe(25);
});

test.each([
  ['errors', { data: { events: null }, errors: [new GraphQLError('no')] }],
  ['extensions', { data: { events: null }, extensions: { http: { status: 500 } } }],
  ['no data', { data: null }],
])('%s are left to who may not tell all of them', async (_, result) => {
  expect(await printAnswer(result, atOnce)).toBe(result);
});
