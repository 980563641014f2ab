import { type GraphQLError, Lexer, Source, TokenKind } from 'graphql';
import { limitExceeded } from '#platform/graphql/document-shape';
import type { GraphqlLimits } from '#platform/graphql/limits';

const OPENING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACKET_L, TokenKind.BRACE_L, TokenKind.PAREN_L]);
const CLOSING: ReadonlySet<TokenKind> = new Set([TokenKind.BRACKET_R, TokenKind.BRACE_R, TokenKind.PAREN_R]);

/**
 * Refuses a text whose brackets lie too deep within one another, before it is parsed: graphql-js descends once for
 * each of them, and two thousand overflow the stack. What is no GraphQL at all is left to the parser to say.
 */
export function checkSourceDepth(
  text: string,
  { tokens, depth, variablesDepth }: Pick<GraphqlLimits, 'tokens' | 'depth' | 'variablesDepth'>,
): readonly GraphQLError[] {
  // A field opens a selection and arguments; fields of fragments count where they stand.
  const limit = 2 * depth + variablesDepth + 8;
  const lexer = new Lexer(new Source(text));
  let level = 0;
  try {
    for (let count = 0; count < tokens; count += 1) {
      const { kind } = lexer.advance();
      if (kind === TokenKind.EOF) return [];
      if (OPENING.has(kind)) level += 1;
      if (CLOSING.has(kind)) level -= 1;
      if (level > limit) return [limitExceeded(`brackets nested ${limit} levels deep`, 'more')];
    }
  } catch {
    // A syntax error: the parser meets it too, and words it.
  }
  return [];
}
