import { expect, test } from 'vitest';
import { API, nameOf, parseRoles } from '#cli/roles/roles';
import { startRoles } from '#cli/roles/start-role';
import { ConfigError, loadConfig } from '#platform/config';

const POSTGRES = { CAIRN_POSTGRES_URL: 'postgres://nobody@127.0.0.1:1/nothing' };

/** What is wrong with the configuration of a process of these roles. */
async function mistakesOf(roles: string, env: Record<string, string>): Promise<readonly string[]> {
  try {
    await startRoles(parseRoles(roles), loadConfig(env), async () => undefined);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

test('roles are a set, whatever their order; api is the gateway and all subgraphs', () => {
  expect([...parseRoles('worker, events,events')]).toEqual(['events', 'worker']);
  expect(parseRoles('api')).toEqual(API);
  expect(nameOf(parseRoles('api,worker'))).toBe('api+worker');
  expect(nameOf(parseRoles('insights,gateway'))).toBe('gateway+insights');
});

test.each(['', 'api,', 'Gateway', 'supervisor', 'events;worker'])('%j names no role', (text) => {
  expect(() => parseRoles(text)).toThrow('is none of api, gateway');
});

test('a process of a cluster needs a PostgreSQL, and a gateway all of its subgraphs', async () => {
  expect(await mistakesOf('worker', {})).toEqual([expect.stringContaining('CAIRN_POSTGRES_URL must be set')]);
  const some = { ...POSTGRES, CAIRN_SUBGRAPHS: 'lake=http://127.0.0.1:2,trails=http://127.0.0.1:3' };
  expect(await mistakesOf('gateway,events', some)).toEqual([
    'CAIRN_SUBGRAPHS must say where the gateway finds organization, insights.',
  ]);
  expect(await mistakesOf('events', { ...POSTGRES, CAIRN_SUBGRAPHS: 'lakes=http://127.0.0.1:2' })).toEqual([
    expect.stringContaining('CAIRN_SUBGRAPHS lakes is none of'),
  ]);
});

test('a PostgreSQL that does not answer is told as such', async () => {
  await expect(mistakesOf('events', POSTGRES)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
