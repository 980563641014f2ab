import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { type ExpectedFailure, presentError } from '#platform/graphql/present-error';

class Expected extends Error implements ExpectedFailure {
  readonly code = 'NO_LUCK';
  readonly status = 409;
  readonly path = 'a.b';
  readonly retryAfter = 3;
}

function presented(error: GraphQLError) {
  const lines: { attributes: Record<string, unknown>; message: string }[] = [];
  const shown = presentError(error, {
    requestId: 'r',
    log: { error: (attributes, message) => lines.push({ attributes, message }) },
    expected: (cause) => (cause instanceof Expected ? cause : undefined),
  });
  return { shown, lines };
}

describe('presentError', () => {
  test('words an expected failure, however deep it is wrapped', () => {
    const inner = new GraphQLError('inner', { originalError: new Expected('No luck.') });
    const { shown, lines } = presented(new GraphQLError('outer', { originalError: inner, path: ['x', 0] }));
    expect(shown.toJSON()).toEqual({
      message: 'No luck.',
      path: ['x', 0],
      extensions: { code: 'NO_LUCK', argument: 'a.b', retryAfter: 3, requestId: 'r' },
    });
    expect(lines).toEqual([]);
  });

  test('masks anything else and logs its cause under the reference', () => {
    const cause = new TypeError('secret');
    const { shown, lines } = presented(new GraphQLError('secret', { originalError: cause, path: ['x'] }));
    expect(JSON.stringify(shown)).not.toContain('secret');
    expect(shown.extensions).toMatchObject({ code: 'INTERNAL', requestId: 'r' });
    expect(lines).toEqual([
      {
        attributes: { err: cause, reference: shown.extensions['reference'], requestId: 'r', path: 'x' },
        message: 'unexpected error',
      },
    ]);
  });

  test("keeps GraphQL's own words, without suggestions", () => {
    const { shown } = presented(
      new GraphQLError('Cannot query field "a" on type "Q". Did you mean "b" or "c"?'),
    );
    expect(shown.message).toBe('Cannot query field "a" on type "Q".');
    expect(shown.extensions).toEqual({ code: 'INVALID_ARGUMENT', requestId: 'r' });
  });

  test('presented once stays as it is', () => {
    const once = presented(new GraphQLError('x', { originalError: new Error('secret') })).shown;
    const twice = presented(once);
    expect(twice.shown.toJSON()).toEqual(once.toJSON());
    expect(twice.lines).toEqual([]);
  });
});
