import { describe, expect, test } from 'vitest';
import { type Page, pageOf, toConnection } from '#subgraphs/shared/connection';

const SIZES = { default: 50, max: 500 };

describe('pageOf', () => {
  test.each([
    [{}, { direction: 'forward', size: 50, cursor: undefined }],
    [
      { first: 3, after: 'c' },
      { direction: 'forward', size: 3, cursor: 'c' },
    ],
    [{ last: 3 }, { direction: 'backward', size: 3, cursor: undefined }],
    [{ before: 'c' }, { direction: 'backward', size: 50, cursor: 'c' }],
    [
      { first: null, last: 500 },
      { direction: 'backward', size: 500, cursor: undefined },
    ],
    [{ first: 0 }, { direction: 'forward', size: 0, cursor: undefined }],
  ])('%j', (args, page) => {
    expect(pageOf(args, SIZES)).toEqual(page);
  });

  test.each([
    [{ first: 1, last: 1 }, 'INVALID_ARGUMENT', 'first'],
    [{ first: 1, before: 'c' }, 'INVALID_ARGUMENT', 'first'],
    [{ after: 'c', last: 1 }, 'INVALID_ARGUMENT', 'after'],
    [{ first: -1 }, 'INVALID_ARGUMENT', 'first'],
    [{ last: -1 }, 'INVALID_ARGUMENT', 'last'],
    [{ first: 501 }, 'LIMIT_EXCEEDED', 'first'],
    [{ after: '' }, 'INVALID_CURSOR', 'after'],
    [{ before: 'x'.repeat(513) }, 'INVALID_CURSOR', 'before'],
  ])('%j is refused', (args, code, path) => {
    expect(() => pageOf(args, SIZES)).toThrow(expect.objectContaining({ code, path }));
  });
});

describe('toConnection', () => {
  const page = (part: Partial<Page>): Page => ({ direction: 'forward', size: 2, cursor: undefined, ...part });
  const cursorOf = (node: string): string => `c-${node}`;

  test('puts a cursor to every node and the ends into the page info', () => {
    expect(toConnection({ page: page({}), nodes: ['a', 'b'], more: true, cursorOf })).toEqual({
      edges: [
        { node: 'a', cursor: 'c-a' },
        { node: 'b', cursor: 'c-b' },
      ],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: 'c-a', endCursor: 'c-b' },
    });
  });

  test('forward from a cursor there is something before, backward from one something after', () => {
    const forward = toConnection({ page: page({ cursor: 'x' }), nodes: ['a'], more: false, cursorOf });
    const backward = toConnection({
      page: page({ cursor: 'x', direction: 'backward' }),
      nodes: ['a'],
      more: false,
      cursorOf,
    });
    expect(forward.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
    expect(backward.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  });

  test('an empty page has no cursors', () => {
    const { pageInfo } = toConnection({ page: page({}), nodes: [], more: false, cursorOf });
    expect(pageInfo).toEqual({
      hasNextPage: false,
      hasPreviousPage: false,
      startCursor: null,
      endCursor: null,
    });
  });
});
