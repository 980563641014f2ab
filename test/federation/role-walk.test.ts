import { buildSchema, findBreakingChanges, printSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeSupergraph } from '#gateway/compose';
import { type Gateway, createGateway } from '#gateway/create-gateway';
import { type SubgraphDoor, createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { type WalkedPlatform, walkRoles } from '#test/federation/role-walk';
import { undescribed } from '#test/federation/schema-rules';
import { type Served, serve } from '#test/federation/serve';
import { authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

/** The walk itself is tested on a platform small enough to know every hole in it. */
const { subgraphs, log } = twoSubgraphs();
let gateway: Gateway;
let doors: SubgraphDoor[];
let served: Served;

beforeAll(async () => {
  gateway = await createGateway({ subgraphs, authenticate, log, limits: { timeoutMs: 100 } });
  doors = await Promise.all(
    subgraphs.map((subgraph) =>
      createSubgraphDoor({ subgraph, authenticate, log, limits: { timeoutMs: 100 } }),
    ),
  );
  served = await serve((request, response) =>
    (doors.find(({ path }) => path === request.url) ?? gateway).handle(request, response),
  );
});
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
  for (const door of doors) await door.dispose();
});

function platform(part: Partial<WalkedPlatform> = {}): WalkedPlatform {
  return {
    gateway: { url: `${served.origin}/graphql`, sdl: composeSupergraph(subgraphs).api },
    doors: doors.map(({ path }, index) => ({
      url: `${served.origin}${path}`,
      sdl: printSchema(subgraphs[index]!.schema),
    })),
    keys: { administrator: 'administrator', auditor: 'auditor', ingest: 'ingest', foreign: 'narrow' },
    owned: { id: '000000000002', first: 3 },
    missing: { id: '000000000009', first: 3 },
    entity: () => ({ owned: '000000000002', missing: '000000000009' }),
    secrets: ['000000000002', 'two'],
    ingestMutations: ['touch'],
    ...part,
  };
}

test('every hole is found, and nothing else', async () => {
  const { findings, asked } = await walkRoles(platform());
  expect(asked).toBeGreaterThan(70);
  // What the fixture has on purpose: fields that fail for everyone, and one that knows no accounts at all.
  const known = /\b(broken|refused|endless|nowhere)\b/;
  expect(findings.filter((finding) => !known.test(finding))).toEqual([]);
  expect(findings.filter((finding) => / nowhere, foreign/.test(finding)).length).toBeGreaterThan(0);
});

test('a key that is not as foreign as it should be is found out', async () => {
  const keys = { ...platform().keys, foreign: 'auditor' };
  const { findings } = await walkRoles(platform({ keys }));
  for (const name of ['account', 'accounts', '_entities Account']) {
    expect(findings.some((finding) => finding.includes(` ${name}, foreign`))).toBe(true);
  }
});

test('an ingest key that reads is found out', async () => {
  const keys = { ...platform().keys, ingest: 'auditor' };
  const { findings } = await walkRoles(platform({ keys }));
  expect(findings.filter((finding) => finding.includes(' whoami, ingest: 200')).length).toBe(2);
});

describe('schema rules', () => {
  test('name what has no description', () => {
    const schema = buildSchema(`
      "A thing." type Thing { "Its id." id: ID! bare(size: Int): Kind }
      enum Kind { "One of them." ONE TWO }
      type Query { "One thing." thing: Thing }
    `);
    expect(undescribed(schema)).toEqual(['Thing.bare', 'Thing.bare(size)', 'Kind', 'Kind.TWO']);
  });

  test('find the fixture described and unbroken', () => {
    const schema = buildSchema(composeSupergraph(subgraphs).api);
    expect(undescribed(schema)).toEqual([]);
    expect(findBreakingChanges(schema, schema)).toEqual([]);
  });
});
