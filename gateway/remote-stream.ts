import type { ExecutionResult } from 'graphql';
import { CairnError } from '#domain/errors';
import { LAST_LINE } from '#platform/graphql/streams/line-streams';

/**
 * The results of a subscription in another process, from its lines. One that breaks off before its last line ends
 * with UNAVAILABLE: what was told stands, and the client goes on from its last cursor.
 */
export async function* resultsOfLines(
  body: AsyncIterable<Uint8Array>,
  read: (value: unknown) => ExecutionResult,
): AsyncGenerator<ExecutionResult, void, void> {
  for await (const line of linesOf(body)) {
    if (line === LAST_LINE) return;
    if (line !== '') yield read(JSON.parse(line));
  }
  throw lost(undefined);
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  try {
    for await (const chunk of body) {
      const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
      parts.push(first);
      for (const begun of others) {
        yield parts.join('');
        parts = [begun];
      }
    }
  } catch (cause) {
    throw lost(cause);
  }
}

function lost(cause: unknown): CairnError {
  return new CairnError('UNAVAILABLE', 'The stream broke off: subscribe again from the last cursor.', {
    retryAfter: 1,
    cause,
  });
}
