import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { CairnError } from '#domain/errors';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { type SubgraphDoor, createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { type Asked, type Served, ask, codesOf, serve } from '#test/federation/serve';
import { authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

const { subgraphs, log } = twoSubgraphs();
const charged: [string, number][] = [];
let left = 0;
/** Refuses what is more than is left. */
const charge = ({ keyId }: { readonly keyId: string }, cost: number): void => {
  if (cost > left) throw new CairnError('TOO_MANY_REQUESTS', 'Used up.', { retryAfter: 2.5 });
  left -= cost;
  charged.push([keyId, cost]);
};

const gateway: Gateway = await createGateway({ subgraphs, authenticate, charge, log });
const door: SubgraphDoor = await createSubgraphDoor({ subgraph: subgraphs[0], authenticate, charge, log });
const served: Served = await serve((request, response) =>
  request.url?.startsWith(door.path) ? door.handle(request, response) : gateway.handle(request, response),
);
beforeEach(() => {
  charged.length = 0;
  left = 100;
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
  await door.dispose();
});

const PAGE = '{ accounts(first: 10) { edges { node { id } } } }';

describe.each([
  ['the gateway', '/graphql'],
  ['a subgraph', '/subgraphs/people/graphql'],
])('at %s', (_, path) => {
  const at = (asked: Asked) => ask(`${served.origin}${path}`, asked);

  test('an operation costs its caller what it may answer, before it runs, and once', async () => {
    expect((await at({ query: PAGE, key: 'auditor' })).status).toBe(200);
    expect(charged).toEqual([['auditor', 21]]);
  });

  test('who has used it up is told when to come again', async () => {
    left = 20;
    const refused = await at({ query: PAGE });
    expect([refused.status, refused.headers.get('retry-after'), ...codesOf(refused)]).toEqual([
      429,
      '3',
      'TOO_MANY_REQUESTS',
    ]);
    expect(refused.body.errors?.[0]?.extensions).toMatchObject({ retryAfter: 2.5 });
    expect(JSON.stringify(refused.body)).not.toContain('"http"');
    expect(charged).toEqual([]);
  });

  test('what is refused anyway costs nothing', async () => {
    const refused = await at({ query: '{ accounts(first: 501) { edges { node { id } } } }' });
    expect(codesOf(refused)).toEqual(['LIMIT_EXCEEDED']);
    expect(charged).toEqual([]);
  });
});

test('the operations of a batch are charged one by one, until nothing is left', async () => {
  left = 50;
  const answer = await ask(`${served.origin}/graphql`, {
    body: [{ query: PAGE }, { query: PAGE }, { query: PAGE }],
  });
  expect(charged).toHaveLength(2);
  expect(JSON.stringify(answer.body).match(/TOO_MANY_REQUESTS/g)).toHaveLength(1);
});
