import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { type TwoSubgraphs, authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

let fixture: TwoSubgraphs;
let gateway: Gateway;
let address: string;
const server = createServer((request, response) => {
  void gateway.handle(request, response);
});

beforeAll(async () => {
  fixture = twoSubgraphs();
  gateway = await createGateway({ subgraphs: fixture.subgraphs, authenticate, log: fixture.log });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
});
afterAll(async () => {
  await gateway.dispose();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(query: string, options: { key?: string; variables?: object; headers?: object } = {}) {
  const response = await fetch(address, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${options.key ?? 'administrator'}`,
      ...options.headers,
    },
    body: JSON.stringify({ query, variables: options.variables }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

describe('a federated answer', () => {
  test('an entity is completed by the subgraph that does not own it', async () => {
    const { body } = await ask('{ account(id: "000000000001") { name createdAt holding { events } } }');
    expect(body).toEqual({
      data: { account: { name: 'one', createdAt: '2026-01-02T03:04:05Z', holding: { events: 1000 } } },
    });
  });

  test('the entities of a page are looked up together', async () => {
    const before = fixture.lookUps.length;
    const { body } = await ask(
      '{ accounts(first: 3) { edges { cursor node { id holding { events } } } pageInfo { hasNextPage endCursor } } }',
    );
    expect(body.data.accounts.edges).toHaveLength(3);
    expect(fixture.lookUps.slice(before)).toEqual([['000000000001', '000000000002', '000000000003']]);
  });
});
