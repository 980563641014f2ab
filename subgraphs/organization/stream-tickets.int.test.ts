import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Principal } from '#domain/principal';
import { createOrm, type MikroORM } from '#platform/db';
import { OrganizationService } from '#subgraphs/organization/service';
import { ORGANIZATION_ENTITIES } from '#subgraphs/organization/store';
import { createTestDatabase, type TestDatabase } from '#test/harness';

const NOW = Date.UTC(2026, 10, 23, 12);
const ROOT: Principal = { keyId: 'caller', role: 'administrator', accounts: 'ALL' };

let database: TestDatabase;
let orm: MikroORM;
let now: number;
let service: OrganizationService;

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm(database.url, ORGANIZATION_ENTITIES);
});
afterAll(async () => {
  await orm.close();
  await database.drop();
});
beforeEach(() => {
  now = NOW;
  service = serviceOfAProcess();
});

function serviceOfAProcess(): OrganizationService {
  const nothing = Promise.resolve(undefined);
  return new OrganizationService({
    orm,
    desk: { start: () => Promise.reject(new Error('no jobs here')), find: () => nothing },
    board: { list: () => Promise.resolve([]), retry: () => nothing },
    log: { error: () => undefined },
    now: () => now,
  });
}

async function holder(expiresAt: Date | null = null): Promise<Principal> {
  const input = { name: 'browser', role: 'auditor', accounts: null, expiresAt } as const;
  const outcome = await service.keys.create(ROOT, input);
  if ('refused' in outcome) throw new Error(JSON.stringify(outcome.refused));
  return { keyId: outcome.value.key.id, role: 'auditor', accounts: 'ALL' };
}

it('stands in for its key once, in any process, whoever is first', async () => {
  const principal = await holder();
  const { ticket } = await service.tickets.create(principal);
  const processes = [service, ...Array.from({ length: 4 }, serviceOfAProcess)];
  const redeemed = await Promise.all(processes.map(({ tickets }) => tickets.redeem(ticket)));
  expect(redeemed.filter((one) => one !== null)).toEqual([principal]);
  expect(await service.tickets.redeem(ticket)).toBeNull();
});

it('is good for sixty seconds and not for one more millisecond', async () => {
  const principal = await holder();
  const [early, late] = [await service.tickets.create(principal), await service.tickets.create(principal)];
  expect(early.expiresAt).toEqual(new Date(NOW + 60_000));
  now = NOW + 59_999;
  expect(await service.tickets.redeem(early.ticket)).toEqual(principal);
  now = NOW + 60_000;
  expect(await service.tickets.redeem(late.ticket)).toBeNull();
});

it('is worth nothing when its key is not good any more', async () => {
  const principal = await holder();
  const { ticket } = await service.tickets.create(principal);
  await service.keys.revoke(ROOT, principal.keyId);
  expect(await service.tickets.redeem(ticket)).toBeNull();
  const brief = await holder(new Date(NOW + 1_000));
  const ofBrief = await service.tickets.create(brief);
  now = NOW + 1_000;
  expect(await service.tickets.redeem(ofBrief.ticket)).toBeNull();
});

it('is kept as a hash, and not longer than it is good', async () => {
  const principal = await holder();
  const { ticket } = await service.tickets.create(principal);
  const stored = async (): Promise<string[]> => {
    const { rows } = await database.pool.query<{ text: string }>(
      'SELECT t::text AS text FROM stream_ticket t',
    );
    return rows.map(({ text }) => text);
  };
  expect((await stored()).join()).not.toContain(ticket);
  now = NOW + 60_000;
  await service.tickets.create(principal);
  expect(await stored()).toHaveLength(1);
  for (const wrong of ['', 'nonsense', 'x'.repeat(43), `${ticket}x`]) {
    expect(await service.tickets.redeem(wrong)).toBeNull();
  }
});
