import { afterAll, describe, expect, test } from 'vitest';
import { createGateway } from '#gateway/create-gateway';
import { createSubgraphDoor } from '#subgraphs/shared/subgraph-door';
import { FairTurns } from '#platform/fair/fair-turns';
import { CairnError } from '#domain/errors';
import { ask, codesOf, serve } from '#test/federation/serve';
import { authenticate, twoSubgraphs } from '#test/federation/two-subgraphs';

const { subgraphs, log } = twoSubgraphs();
const full = (): Error => new CairnError('TOO_MANY_REQUESTS', 'full', { retryAfter: 2 });
const turns = new FairTurns({ limit: 2, waiting: 3, full });
const limits = { timeoutMs: 6_000 };
const gateway = await createGateway({ subgraphs, authenticate, turns, limits, log });
const door = await createSubgraphDoor({ subgraph: subgraphs[0], authenticate, turns, limits, log });
const served = await serve((request, response) =>
  request.url?.startsWith(door.path) ? door.handle(request, response) : gateway.handle(request, response),
);
afterAll(async () => {
  await served[Symbol.asyncDispose]();
  await gateway.dispose();
  await door.dispose();
});

/** As large as the body may be: more would be refused unread. */
const BYTES = 3_900_000;
/** Of computing; the text alone takes some milliseconds to come in. A document that is parsed takes seconds. */
const CPU_MS = 1_000;

describe.each([
  ['the gateway', '/graphql'],
  ['a subgraph', door.path],
])('at %s', (_, path) => {
  test.each([
    [
      'aliases',
      `{ ${Array.from({ length: 10 ** 6 }, (_, index) => `a${index}:x`).join(' ')}`.slice(0, BYTES),
    ],
    ['fields', `{ ${'whoami '.repeat(BYTES / 7)}`],
    ['levels', '{a'.repeat(BYTES / 2)],
    ['lists', `{ a(x: ${'['.repeat(BYTES)}`],
    ['directives', `{ a ${'@a'.repeat(BYTES / 2)}`],
    ['variables', `query (${'$a:B '.repeat(BYTES / 5)}`],
    ['fragments', 'fragment A on B{c}'.repeat(BYTES / 18)],
  ])('a flood of %s is refused before it is read to its end', async (_name, query) => {
    const before = process.cpuUsage();
    const answer = await ask(`${served.origin}${path}`, { query });
    const { user, system } = process.cpuUsage(before);
    const [code] = codesOf(answer);
    expect(['GRAPHQL_PARSE_FAILED', 'LIMIT_EXCEEDED']).toContain(code);
    expect(answer.status).toBeLessThan(500);
    expect((user + system) / 1_000).toBeLessThan(CPU_MS);
  });

  test('more operations of one key than may wait are refused, those of another wait for their turn', async () => {
    const at = (query: string, key: string) => ask(`${served.origin}${path}`, { query, key });
    const flood = Array.from({ length: 12 }, () => at('{ endless }', 'administrator'));
    await expect.poll(() => turns.waiting, { timeout: 5_000 }).toBe(3);
    const other = at('{ whoami }', 'narrow');
    const answers = await Promise.all(flood);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(7);
    expect(refused.every((answer) => answer.headers.get('retry-after') === '2')).toBe(true);
    expect(refused.flatMap(codesOf)).toEqual(Array(7).fill('TOO_MANY_REQUESTS'));
    expect((await other).status).toBe(200);
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });
});
