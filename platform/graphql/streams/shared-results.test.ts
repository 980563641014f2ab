import { GraphQLError, getOperationAST, parse } from 'graphql';
import { expect, it } from 'vitest';
import { SharedResults, selectionOf } from '#platform/graphql/streams/shared-results';

function selectionIn(text: string): string | undefined {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return selectionOf(document, operation);
}

it('takes the same selection for the same, whatever the root field is asked with', () => {
  const text = 'subscription ($f: Int) { told(filter: $f) { ...A } } fragment A on Told { id }';
  expect(selectionIn(text)).toBeDefined();
  expect(selectionIn(text)).toBe(selectionIn(text.replace('{ ...A }', '{\n  ...A\n}')));
  expect(selectionIn(text)).not.toBe(selectionIn(text.replace('{ id }', '{ no: id }')));
});

it('shares nothing that depends on values of the caller', () => {
  const ofCallers = [
    'subscription ($w: Boolean!) { told { id @include(if: $w) } }',
    'subscription ($w: Boolean!) { told @skip(if: $w) { id } }',
    'subscription ($w: Int) { told { ...A } } fragment A on Told { part(of: $w) }',
  ];
  for (const text of ofCallers) expect(selectionIn(text)).toBeUndefined();
});

it('makes a result once for a message and a selection, and again where it has errors', async () => {
  const results = new SharedResults();
  const message = {};
  let made = 0;
  const make = () => Promise.resolve({ data: { number: (made += 1) } });
  const failing = () => Promise.resolve({ errors: [new GraphQLError(`failure ${(made += 1)}`)] });
  expect(await results.of(message, 'a', make)).toEqual({ data: { number: 1 } });
  expect(await results.of(message, 'a', make)).toEqual({ data: { number: 1 } });
  expect(await results.of({}, 'a', make)).toEqual({ data: { number: 2 } });
  expect(await results.of(message, 'b', make)).toEqual({ data: { number: 3 } });
  expect((await results.of(message, 'c', failing)).errors?.[0]?.message).toBe('failure 4');
  expect((await results.of(message, 'c', failing)).errors?.[0]?.message).toBe('failure 5');
});
