import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobBoard, JobDefinition, JobDesk, JobRun } from '#domain/jobs';
import type { Principal, Role } from '#domain/principal';
import { createOrm, type MikroORM } from '#platform/db';
import type { IssuedKey } from '#subgraphs/organization/keys';
import type { Outcome, UserError } from '#subgraphs/organization/refusal';
import { OrganizationService } from '#subgraphs/organization/service';
import { ApiKeyEntity, ORGANIZATION_ENTITIES } from '#subgraphs/organization/store';
import { createTestDatabase, type TestDatabase } from '#test/harness';

const A = '111111111111';
const B = '222222222222';
const NOW = Date.UTC(2026, 10, 23, 12);
const FIRST_PAGE = { direction: 'forward', cursor: undefined, limit: 100 } as const;

let database: TestDatabase;
let orm: MikroORM;
let service: OrganizationService;
let now: number;
let started: { name: string; payload: unknown }[];
let runs: Map<string, JobRun>;

beforeAll(async () => {
  database = await createTestDatabase();
  orm = await createOrm(database.url, ORGANIZATION_ENTITIES);
});
afterAll(async () => {
  await orm.close();
  await database.drop();
});
beforeEach(async () => {
  await database.pool.query(`TRUNCATE api_key; DELETE FROM account WHERE id <> '000000000000'`);
  now = NOW;
  started = [];
  runs = new Map();
  service = new OrganizationService({ ...parts(), now: () => now });
  await service.accounts.ensure([A, B]);
});

const desk: JobDesk = {
  start: <P>(definition: JobDefinition<P>, payload: P) => {
    started.push({ name: definition.name, payload });
    return Promise.resolve(run(`run-${started.length}`, definition.account?.(payload)));
  },
  find: (id) => Promise.resolve(runs.get(id)),
};

const board: JobBoard = { list: () => Promise.resolve([]), retry: () => Promise.resolve(undefined) };

const parts = () => ({ orm, desk, board, log: { error: () => undefined } });

function run(id: string, account: string | undefined): JobRun {
  const nothing = { progress: undefined, result: undefined, error: undefined };
  const times = { createdAt: new Date(NOW), startedAt: undefined, finishedAt: undefined };
  return { id, name: 'job', account, state: 'QUEUED', attempts: 0, ...nothing, ...times };
}

function principal(role: Role, accounts: Principal['accounts']): Principal {
  return { keyId: 'caller', role, accounts };
}
const ROOT = principal('administrator', 'ALL');
const ADMIN_A = principal('administrator', [A]);

function valueOf<T>(outcome: Outcome<T>): T {
  if ('refused' in outcome) throw new Error(`refused: ${JSON.stringify(outcome.refused)}`);
  return outcome.value;
}
function faultsOf(outcome: Outcome<unknown>): string[] {
  if (!('refused' in outcome)) throw new Error('not refused');
  return outcome.refused.map(({ code, path }: UserError) => `${code} ${path}`);
}
async function issue(by: Principal, role: Role, accounts: readonly string[] | null): Promise<IssuedKey> {
  return valueOf(await service.keys.create(by, { name: 'test', role, accounts, expiresAt: null }));
}
const authenticate = (text: string) => service.authenticator.authenticate(`Bearer ${text}`);

describe('the first administrator', () => {
  it('is made once, when there is no key, by one of several processes', async () => {
    const other = new OrganizationService(parts());
    const texts = await Promise.all([
      service.keys.createFirstAdministrator(),
      other.keys.createFirstAdministrator(),
      service.keys.createFirstAdministrator(),
    ]);
    const made = texts.filter((text) => text !== null);
    expect(made).toHaveLength(1);
    expect(await authenticate(made[0] ?? '')).toMatchObject({ role: 'administrator', accounts: 'ALL' });
    expect(await service.keys.createFirstAdministrator()).toBeNull();
  });

  it('is replaced when the start that made it could not show it, unless there are others', async () => {
    await orm.em.fork().nativeDelete(ApiKeyEntity, {});
    const lost = await service.keys.createFirstAdministrator({ unseen: true });
    const shown = await service.keys.createFirstAdministrator({ unseen: true });
    expect(await authenticate(lost ?? '')).toBeNull();
    expect(await authenticate(shown ?? '')).toMatchObject({ role: 'administrator' });
    await issue(ROOT, 'ingest', [A]);
    expect(await service.keys.createFirstAdministrator({ unseen: true })).toBeNull();
  });
});

describe('a key', () => {
  it('works at once with its role and accounts, and its secret is stored nowhere', async () => {
    const { key, text } = await issue(ROOT, 'ingest', [A, B, A]);
    expect(await authenticate(text)).toEqual({ keyId: key.id, role: 'ingest', accounts: [A, B] });
    expect(key).toMatchObject({ createdBy: 'caller', createdAt: new Date(NOW), lastUsedAt: null });
    const secret = text.split('_')[2] ?? '';
    const rows = await database.pool.query('SELECT api_key::text AS row FROM api_key');
    expect(JSON.stringify(rows.rows)).not.toContain(secret);
  });

  it('shows when it was used last, to the minute', async () => {
    const { key, text } = await issue(ROOT, 'auditor', null);
    await authenticate(text);
    now += 30_000;
    await authenticate(text);
    await service.close();
    expect((await service.keys.find(ROOT, key.id))?.lastUsedAt).toEqual(new Date(NOW));
    now += 30_000;
    await authenticate(text);
    await service.close();
    expect((await service.keys.find(ROOT, key.id))?.lastUsedAt).toEqual(new Date(NOW + 60_000));
  });

  it('dies when it is revoked, here at once, in another process within two seconds', async () => {
    const other = new OrganizationService({ ...parts(), now: () => now });
    const { key, text } = await issue(ROOT, 'auditor', [A]);
    expect(await other.authenticator.authenticate(`Bearer ${text}`)).not.toBeNull();
    expect(await authenticate(text)).not.toBeNull();
    const revoked = valueOf(await service.keys.revoke(ROOT, key.id));
    expect(revoked.revokedAt).toEqual(new Date(NOW));
    expect(await authenticate(text)).toBeNull();
    now += 2_000;
    expect(await other.authenticator.authenticate(`Bearer ${text}`)).toBeNull();
    expect(valueOf(await service.keys.revoke(ROOT, key.id)).revokedAt).toEqual(new Date(NOW));
  });

  it('expires', async () => {
    const expiresAt = new Date(NOW + 60_000);
    const input = { name: 'short', role: 'auditor', accounts: null, expiresAt } as const;
    const { text } = valueOf(await service.keys.create(ROOT, input));
    expect(await authenticate(text)).not.toBeNull();
    now += 60_000;
    expect(await authenticate(text)).toBeNull();
  });

  it('is refused with every fault of its input', async () => {
    const create = async (change: object) => {
      const input = { name: 'fine', role: 'auditor', accounts: [A], expiresAt: null } as const;
      return faultsOf(await service.keys.create(ROOT, { ...input, ...change }));
    };
    expect(await create({ name: '', expiresAt: new Date(NOW), accounts: [] })).toEqual([
      'INVALID_ARGUMENT input.name',
      'INVALID_ARGUMENT input.expiresAt',
      'INVALID_ARGUMENT input.accounts',
    ]);
    for (const name of [' x', 'x\n', 'a\u0000b', 'x'.repeat(129)]) {
      expect(await create({ name })).toEqual(['INVALID_ARGUMENT input.name']);
    }
    expect(await create({ accounts: [A, '999999999999'] })).toEqual(['NOT_FOUND input.accounts[1]']);
    expect(await create({ accounts: Array.from({ length: 1_001 }, () => A) })).toEqual([
      'LIMIT_EXCEEDED input.accounts',
    ]);
    expect(await service.keys.list(ROOT, FIRST_PAGE)).toEqual([]);
  });
});

describe('an administrator of some accounts', () => {
  it('makes keys for them and for nothing else, and cannot tell which others exist', async () => {
    expect((await issue(ADMIN_A, 'administrator', [A])).key.accounts).toEqual([A]);
    const create = async (accounts: readonly string[] | null) => {
      const input = { name: 'more', role: 'ingest', accounts, expiresAt: null } as const;
      return service.keys.create(ADMIN_A, input);
    };
    expect(faultsOf(await create(null))).toEqual(['FORBIDDEN input.allAccounts']);
    const foreign = await create([A, B]);
    const unknown = await create([A, '999999999999']);
    expect(faultsOf(foreign)).toEqual(['NOT_FOUND input.accounts[1]']);
    expect(JSON.stringify(unknown)).toBe(JSON.stringify(foreign).replaceAll(B, '999999999999'));
  });

  it('sees and revokes keys that lie within them; others are not found', async () => {
    const own = await issue(ROOT, 'ingest', [A]);
    const wider = await issue(ROOT, 'ingest', [A, B]);
    const all = await issue(ROOT, 'auditor', null);
    expect((await service.keys.list(ADMIN_A, FIRST_PAGE)).map(({ id }) => id)).toEqual([own.key.id]);
    expect(await service.keys.find(ADMIN_A, own.key.id)).toBeDefined();
    for (const { key } of [wider, all]) {
      expect(await service.keys.find(ADMIN_A, key.id)).toBeUndefined();
      expect(faultsOf(await service.keys.revoke(ADMIN_A, key.id))).toEqual(['NOT_FOUND id']);
      expect((await service.keys.find(ROOT, key.id))?.revokedAt).toBeNull();
    }
    expect(faultsOf(await service.keys.revoke(ADMIN_A, 'nobody'))).toEqual(['NOT_FOUND id']);
    expect(valueOf(await service.keys.revoke(ADMIN_A, own.key.id)).revokedAt).not.toBeNull();
  });

  it('does not manage accounts, erasures or rebuilds', async () => {
    for (const caller of [ADMIN_A, principal('auditor', 'ALL'), principal('ingest', 'ALL')]) {
      const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });
      await expect(service.accounts.create(caller, { id: '333333333333' })).rejects.toThrow(forbidden);
      await expect(service.accounts.update(caller, A, { name: 'mine' })).rejects.toThrow(forbidden);
      await expect(service.work.eraseAccount(caller, A, null)).rejects.toThrow(forbidden);
      await expect(service.work.rebuildHistory(caller)).rejects.toThrow(forbidden);
    }
    expect(started).toEqual([]);
  });
});

describe('other roles', () => {
  it('neither see nor make nor revoke keys', async () => {
    const { key } = await issue(ROOT, 'ingest', [A]);
    for (const caller of [principal('auditor', 'ALL'), principal('ingest', [A])]) {
      const forbidden = expect.objectContaining({ code: 'FORBIDDEN' });
      const input = { name: 'x', role: 'ingest', accounts: [A], expiresAt: null } as const;
      await expect(service.keys.list(caller, FIRST_PAGE)).rejects.toThrow(forbidden);
      await expect(service.keys.find(caller, key.id)).rejects.toThrow(forbidden);
      await expect(service.keys.create(caller, input)).rejects.toThrow(forbidden);
      await expect(service.keys.revoke(caller, key.id)).rejects.toThrow(forbidden);
    }
  });
});

describe('the last administrator', () => {
  it('cannot be revoked, not even by two at the same time', async () => {
    const [first, second] = [
      await issue(ROOT, 'administrator', null),
      await issue(ROOT, 'administrator', null),
    ];
    await issue(ROOT, 'administrator', [A]);
    await issue(ROOT, 'auditor', null);
    const outcomes = await Promise.all([first, second].map(({ key }) => service.keys.revoke(ROOT, key.id)));
    const refusals = outcomes.filter((outcome) => 'refused' in outcome);
    expect(refusals.map(faultsOf)).toEqual([['FORBIDDEN id']]);
  });

  it('can be revoked when another one is there that has not expired', async () => {
    const { key } = await issue(ROOT, 'administrator', null);
    const expiresAt = new Date(NOW + 1_000);
    const input = { name: 'soon', role: 'administrator', accounts: null, expiresAt } as const;
    valueOf(await service.keys.create(ROOT, input));
    now += 1_000;
    expect(faultsOf(await service.keys.revoke(ROOT, key.id))).toEqual(['FORBIDDEN id']);
    now -= 1;
    expect(valueOf(await service.keys.revoke(ROOT, key.id)).id).toBe(key.id);
  });
});

describe('pages of keys', () => {
  it('follow the order of making in both directions, equal times included', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      if (i === 3) now += 1_000;
      ids.push((await issue(ROOT, 'ingest', [A])).key.id);
    }
    const expected = [
      ...ids.slice(0, 3).toSorted((a, b) => (a < b ? -1 : 1)),
      ...ids.slice(3).toSorted((a, b) => (a < b ? -1 : 1)),
    ];
    const page = async (direction: 'forward' | 'backward') => {
      const seen: string[] = [];
      let cursor: { createdAt: Date; id: string } | undefined;
      for (;;) {
        const keys = await service.keys.list(ROOT, { direction, cursor, limit: 2 });
        if (keys.length === 0) return seen;
        seen.push(...keys.map(({ id }) => id));
        cursor = keys.at(-1);
      }
    };
    expect(await page('forward')).toEqual(expected);
    expect(await page('backward')).toEqual(expected.toReversed());
  });
});

describe('accounts', () => {
  it('are made, changed and shown; null unsets', async () => {
    const input = { id: '333333333333', name: 'Payments', retentionMonths: 12, historyDays: 90 };
    expect(valueOf(await service.accounts.create(ROOT, input))).toMatchObject(input);
    expect(await service.accounts.settings()).toEqual([
      { account: '333333333333', retentionMonths: 12, historyDays: 90 },
    ]);
    const changed = valueOf(await service.accounts.update(ROOT, input.id, { retentionMonths: null }));
    expect(changed).toMatchObject({ name: 'Payments', retentionMonths: null, historyDays: 90 });
    valueOf(await service.accounts.update(ROOT, input.id, { name: 'Paying', historyDays: null }));
    expect(await service.accounts.find(ROOT, input.id)).toMatchObject({ name: 'Paying', historyDays: null });
    expect(await service.accounts.settings()).toEqual([]);
  });

  it('are refused with every fault', async () => {
    const bad = { id: '333333333333', name: '\u0007', retentionMonths: 0, historyDays: 1.5 };
    expect(faultsOf(await service.accounts.create(ROOT, bad))).toEqual([
      'INVALID_ARGUMENT input.name',
      'INVALID_ARGUMENT input.retentionMonths',
      'INVALID_ARGUMENT input.historyDays',
    ]);
    expect(faultsOf(await service.accounts.create(ROOT, { id: A }))).toEqual(['ALREADY_EXISTS input.id']);
    expect(faultsOf(await service.accounts.create(ROOT, { id: '12' }))).toEqual([
      'INVALID_ARGUMENT input.id',
    ]);
    expect(faultsOf(await service.accounts.update(ROOT, '999999999999', { name: 'x' }))).toEqual([
      'NOT_FOUND input.id',
    ]);
    const kept = await service.accounts.update(ROOT, '000000000000', { retentionMonths: 1 });
    expect(faultsOf(kept)).toEqual(['INVALID_ARGUMENT input.retentionMonths']);
  });

  it('are seen by keys that cover them only; the installation’s is always there', async () => {
    const ids = async (caller: Principal) =>
      (await service.accounts.list(caller, FIRST_PAGE)).map(({ id }) => id);
    expect(await ids(ROOT)).toEqual(['000000000000', A, B]);
    expect(await ids(ADMIN_A)).toEqual([A]);
    expect(await service.accounts.find(ADMIN_A, B)).toBeUndefined();
    expect(await service.accounts.findAll(ADMIN_A, [B, '999999999999', A])).toEqual([
      null,
      null,
      expect.objectContaining({ id: A }),
    ]);
    const back = { direction: 'backward', cursor: B, limit: 1 } as const;
    expect((await service.accounts.list(ROOT, back)).map(({ id }) => id)).toEqual([A]);
  });

  it('are a directory for the doors of events', async () => {
    expect(await service.accounts.exists(A)).toBe(true);
    expect(await service.accounts.exists('999999999999')).toBe(false);
    const odd = ['999999999999', A, 'DROP TABLE', '999999999999', '__proto__'];
    expect(await service.accounts.missing(odd)).toEqual(['999999999999', 'DROP TABLE', '__proto__']);
    await expect(service.accounts.ensure(['12'])).rejects.toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    const many = Array.from({ length: 2_500 }, (_, i) => `4${String(i).padStart(11, '0')}`);
    const other = new OrganizationService(parts());
    await Promise.all([service.accounts.ensure(many), other.accounts.ensure([...many, A])]);
    expect(await service.accounts.missing(many)).toEqual([]);
    const fresh = new OrganizationService(parts());
    expect(await fresh.accounts.missing([...many, '999999999999'])).toEqual(['999999999999']);
    expect(await service.accounts.find(ROOT, A)).toMatchObject({ name: A });
  });

  it('are at most 100,000', async () => {
    await database.pool.query(
      `INSERT INTO account (id, name) SELECT lpad((500000000000 + i)::text, 12, '0'), 'x' FROM generate_series(1, 99997) i`,
    );
    await expect(service.accounts.ensure(['999999999999'])).rejects.toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
    expect(faultsOf(await service.accounts.create(ROOT, { id: '999999999999' }))).toEqual([
      'LIMIT_EXCEEDED null',
    ]);
  });
});

describe('erasing an account', () => {
  it('starts the job, of everything or up to a month', async () => {
    valueOf(await service.work.eraseAccount(ROOT, A, null));
    valueOf(await service.work.eraseAccount(ROOT, A, new Date('2026-02-01T00:00:00Z')));
    valueOf(await service.work.eraseAccount(ROOT, A, new Date('2026-12-01T00:00:00Z')));
    expect(started).toEqual([
      { name: 'eraseAccount', payload: { account: A } },
      { name: 'eraseAccount', payload: { account: A, before: Date.UTC(2026, 1, 1) } },
      { name: 'eraseAccount', payload: { account: A, before: Date.UTC(2026, 11, 1) } },
    ]);
  });

  it('names the two nearest months when it is told to end between them', async () => {
    const outcome = await service.work.eraseAccount(ROOT, A, new Date('2026-02-01T00:00:00.001Z'));
    const message =
      'Erasures end where a month begins, UTC: say 2026-02-01T00:00:00Z or 2026-03-01T00:00:00Z.';
    expect(outcome).toEqual({ refused: [{ code: 'INVALID_ARGUMENT', path: 'before', message }] });
  });

  it('is refused for the installation, for unknown accounts and for the future', async () => {
    const erase = async (account: string, before: string | null) =>
      faultsOf(await service.work.eraseAccount(ROOT, account, before === null ? null : new Date(before)));
    expect(await erase('000000000000', null)).toEqual(['INVALID_ARGUMENT account']);
    expect(await erase('999999999999', null)).toEqual(['NOT_FOUND account']);
    expect(await erase(A, '2027-01-01T00:00:00Z')).toEqual(['INVALID_ARGUMENT before']);
    expect(started).toEqual([]);
  });
});

describe('runs of jobs', () => {
  it('are seen by those whose account they concern; the others by keys for all accounts', async () => {
    runs.set('a', run('a', A));
    runs.set('b', run('b', B));
    runs.set('all', run('all', undefined));
    const seen = async (caller: Principal) => {
      const found = await Promise.all(['a', 'b', 'all', 'none'].map((id) => service.work.jobRun(caller, id)));
      return found.map((job) => job?.id);
    };
    expect(await seen(ROOT)).toEqual(['a', 'b', 'all', undefined]);
    expect(await seen(principal('auditor', [A]))).toEqual(['a', undefined, undefined, undefined]);
  });

  it('of rebuilding history are started', async () => {
    valueOf(await service.work.rebuildHistory(ROOT));
    expect(started).toEqual([{ name: 'rebuildHistory', payload: {} }]);
  });
});
