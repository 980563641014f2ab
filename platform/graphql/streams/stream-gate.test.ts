import type { ExecutionResult, GraphQLError } from 'graphql';
import { afterEach, expect, it } from 'vitest';
import { type ResultStream, isResultStream, startResults } from '#platform/graphql/streams/result-stream';
import { StreamCaps } from '#platform/graphql/streams/stream-caps';
import { StreamGate } from '#platform/graphql/streams/stream-gate';

interface Principal {
  readonly keyId: string;
}

const present = (error: GraphQLError): GraphQLError => error;
const OPERATION = { query: 'subscription { x }' };
const NEVER_MS = 2 ** 30;

const live = new Set(['a', 'b']);
let isAway = false;
const logged: unknown[] = [];
const caps = new StreamCaps({ perKey: 2, perConnection: 9, total: 3 });
const gate = new StreamGate<Principal>(
  {
    caps,
    present,
    log: { error: (attributes) => logged.push(attributes) },
    keys: {
      authenticate: () => Promise.resolve(null),
      redeem: () => Promise.resolve(null),
      isLive: ({ keyId }) => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(live.has(keyId))),
    },
    start: ({ query }, _visitor, signal) => {
      if (query === 'fails') throw new Error('no journal');
      return startResults((ended) => Promise.resolve(endless(ended)), { signal, present });
    },
  },
  NEVER_MS,
);

/** One result, then nothing until it is left. */
async function* endless(ended: AbortSignal): AsyncGenerator<ExecutionResult, void, void> {
  yield { data: { x: 1 } };
  await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
}

function open(keyId: string, query = OPERATION.query): Promise<ResultStream | ExecutionResult> {
  const visitor = { principal: { keyId }, requestId: 'r', clientAddress: undefined };
  return gate.open({ query }, visitor, new AbortController().signal);
}

async function streamOf(keyId: string): Promise<ResultStream> {
  const stream = await open(keyId);
  if (!isResultStream(stream)) throw new Error(JSON.stringify(stream));
  return stream;
}

const codeOf = (result: ResultStream | ExecutionResult): unknown =>
  isResultStream(result) ? undefined : result.errors?.[0]?.extensions['code'];

afterEach(async () => {
  await gate.close();
  expect(caps.open).toBe(0);
});

it('holds the caps of a key and of the process, and gives places back', async () => {
  const first = await streamOf('a');
  await streamOf('a');
  expect(codeOf(await open('a'))).toBe('TOO_MANY_REQUESTS');
  await streamOf('b');
  expect(codeOf(await open('c'))).toBe('TOO_MANY_REQUESTS');
  await first.return(undefined);
  await first.return(undefined);
  expect(caps.open).toBe(2);
  expect(codeOf(await open('a'))).toBeUndefined();
});

it('ends the streams of a key that is not good any more, with the reason, and no others', async () => {
  const gone = await streamOf('a');
  const stays = await streamOf('b');
  await gone.next();
  await stays.next();
  const word = gone.next();
  live.delete('a');
  await gate.recheck();
  live.add('a');
  expect((await word).value?.errors?.[0]?.extensions['code']).toBe('UNAUTHENTICATED');
  expect((await gone.next()).done).toBe(true);
  expect(caps.open).toBe(1);
  await stays.return(undefined);
});

it('lets streams go on while keys cannot be looked at, and says so', async () => {
  const stream = await streamOf('a');
  isAway = true;
  await gate.recheck();
  isAway = false;
  expect(logged).toHaveLength(1);
  expect((await stream.next()).done).toBe(false);
});

it('answers a stream that cannot be started, and holds no place for it', async () => {
  const result = await open('a', 'fails');
  expect(isResultStream(result)).toBe(false);
  expect(caps.open).toBe(0);
});
