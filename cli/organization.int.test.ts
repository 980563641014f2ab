import { Command, CommanderError } from 'commander';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { register as registerAccounts } from '#cli/accounts';
import { CairnClient } from '#cli/client';
import type { CliContext } from '#cli/cli-context';
import { register as registerErase } from '#cli/erase';
import { register as registerKeys } from '#cli/keys';
import { jobs } from '#domain/jobs';
import { createGateway } from '#gateway/create-gateway';
import type { ErasureScope } from '#journal/types';
import { createOrm } from '#platform/db';
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';
import { ORGANIZATION_ENTITIES, OrganizationService, organization } from '#subgraphs/organization/index';
import { Hopeless } from '#platform/queue/queue';
import { buildSubgraph } from '#subgraphs/shared/build-subgraph';
import { serve } from '#test/federation/serve';
import { createTestDatabase } from '#test/harness';
import { createJobBoard } from '#workers/jobs/board';
import { createJobDesk } from '#workers/jobs/desk';
import { eraseAccount } from '#workers/jobs/erase-account';
import { bindJobs } from '#workers/jobs/kit';
import { runJobs } from '#workers/jobs/runner';
import { createJobStore } from '#workers/jobs/store';

const open = new AsyncDisposableStack();
const erased: ErasureScope[] = [];
let origin: string;
let rootKey: string;
let eraserFails = false;

/** The real road: gateway, organization, queue, worker; only what erases is a list. */
beforeAll(async () => {
  const database = open.adopt(await createTestDatabase(), (opened) => opened.drop());
  const orm = open.adopt(await createOrm(database.url, ORGANIZATION_ENTITIES), (opened) => opened.close());
  const log = { info: () => undefined, error: () => undefined };
  const queue = open.adopt(
    createBullQueue({
      backend: postgresBackend({ connectionString: database.url }),
      name: `q${randomUUID()}`,
      onError: log.error,
    }),
    (opened) => opened.close(),
  );
  const store = createJobStore(database.pool);
  const service = open.adopt(
    new OrganizationService({
      orm,
      desk: createJobDesk({ queue, store, log }),
      board: createJobBoard({ queue, store, definitions: Object.values(jobs), log }),
      log,
    }),
    (opened) => opened.close(),
  );
  const journal = {
    name: 'journal',
    erase: (scope: ErasureScope) => {
      if (eraserFails) return Promise.reject(new Hopeless('A key object is damaged.'));
      erased.push(scope);
      return Promise.resolve();
    },
  };
  const handlers = [eraseAccount({ journal, views: [] })];
  await runJobs({ queue, store, log, jobs: bindJobs([jobs.eraseAccount], handlers) });
  const gateway = open.adopt(
    await createGateway({
      subgraphs: [buildSubgraph(organization, { services: service, log })],
      authenticate: (authorization) => service.authenticator.authenticate(authorization),
      log,
    }),
    (opened) => opened.dispose(),
  );
  const served = open.use(await serve((request, response) => gateway.handle(request, response)));
  origin = served.origin;
  // A key that could not be shown is not made: the next attempt makes the first one.
  const closed = { show: () => Promise.reject(new Error('standard output is closed')) };
  await expect(service.keys.createFirstAdministrator(closed)).rejects.toThrow('closed');
  rootKey = (await service.keys.createFirstAdministrator({ show: async () => undefined })) ?? '';
});
afterAll(() => open.disposeAsync());

interface Said {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

async function cairn(line: string, apiKey = rootKey): Promise<Said> {
  const said = { out: '', err: '', code: 0 };
  const cli: CliContext = {
    connect: () => new CairnClient({ url: origin, apiKey }),
    print: (text) => {
      said.out += text;
      return Promise.resolve();
    },
    stderr: { write: (text) => Boolean((said.err += text)) },
    exitWith: (code) => (said.code = code),
    color: false,
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: (text) => (said.err += text) });
  for (const register of [registerKeys, registerAccounts, registerErase]) register(program, cli);
  for (const command of program.commands.flatMap((parent) => [parent, ...parent.commands])) {
    command.exitOverride().configureOutput({ writeErr: (text) => (said.err += text) });
  }
  try {
    await program.parseAsync(line.split(' '), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    said.code = 2;
  }
  return said;
}

describe('cairn accounts', () => {
  it('creates, changes and lists', async () => {
    const made = await cairn('accounts create 123456789012 --name Payments --retention-months 12 -o json');
    expect(JSON.parse(made.out)).toMatchObject({
      id: '123456789012',
      retentionMonths: 12,
      historyDays: null,
    });
    const changed = await cairn('accounts set 123456789012 --retention-months forever --history-days 30');
    expect(changed.out).toContain('for ever');
    const { out } = await cairn('accounts list');
    expect(out.split('\n')[0]).toMatch(/^ID +NAME +KEPT +HISTORY +CREATED$/);
    expect(out).toMatch(/123456789012 +Payments +for ever +30 days/);
    expect(out).toMatch(/000000000000 +Installation +for ever +default/);
  });

  it('says why not, and that the answer is no', async () => {
    expect(await cairn('accounts create 000000000000')).toEqual({
      out: '',
      err: 'ALREADY_EXISTS (input.id): The account 000000000000 exists already.\n',
      code: 1,
    });
    expect((await cairn('accounts set 123456789012 --history-days soon')).code).toBe(2);
  });
});

describe('cairn keys', () => {
  it('creates a key that works, lists it, and revokes it', async () => {
    const made = await cairn('keys create --name Auditor --role auditor --all-accounts --expires 90d');
    expect(made.out).toMatch(/^cairn_[a-z2-7]{16}_[a-z2-7]{52}\n$/);
    const key = made.out.trim();
    const id = key.split('_')[1] ?? '';
    expect((await cairn('accounts list', key)).out).toContain('123456789012');
    expect((await cairn('keys list')).out).toMatch(new RegExp(`${id} +Auditor +auditor +all +active +20`));
    await expect(cairn('keys list', key)).rejects.toThrow(expect.objectContaining({ code: 'FORBIDDEN' }));
    expect((await cairn(`keys revoke ${id}`)).out).toContain('revoked');
    await expect(cairn('accounts list', key)).rejects.toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
    expect((await cairn('keys list')).out).not.toContain(id);
    expect((await cairn('keys list --all')).out).toContain(id);
  });

  it('scopes to accounts, prints JSON for programs, and wants to be told everything', async () => {
    const { out } = await cairn('keys create --name Shipper --role ingest --account 123456789012 -o json');
    expect(JSON.parse(out)).toMatchObject({ role: 'INGEST', accounts: ['123456789012'] });
    expect((await cairn('keys create --name Shipper --role ingest')).err).toContain(
      'either accounts or allAccounts',
    );
    expect((await cairn('keys create --name x --role king --all-accounts')).code).toBe(2);
    expect((await cairn('keys create --name x --role ingest --all-accounts --expires tomorrow')).code).toBe(
      2,
    );
    expect((await cairn('keys create --role ingest --all-accounts')).code).toBe(2);
  });
});

describe('cairn erase', () => {
  it('does nothing without --yes', async () => {
    const said = await cairn('erase --account 123456789012 --before 2026-02');
    expect(said).toMatchObject({ out: '', code: 2 });
    expect(said.err).toContain('the events before 2026-02-01T00:00:00Z of account 123456789012');
    expect(erased).toEqual([]);
  });

  it('starts the erasure and waits until it is done', async () => {
    expect(await cairn('erase --account 123456789012 --before 2026-02 --yes')).toEqual({
      out: 'Erased the events before 2026-02-01T00:00:00Z of account 123456789012.\n',
      err: '',
      code: 0,
    });
    expect(erased).toEqual([{ account: '123456789012', before: Date.UTC(2026, 1, 1) }]);
    expect((await cairn('erase --account 123456789012 --yes --no-wait')).out).toMatch(
      /^Started: run \S+\.\n$/,
    );
  });

  it('says why not', async () => {
    expect((await cairn('erase --account 000000000000 --yes')).err).toContain('cannot be erased');
    expect((await cairn('erase --account 123456789012 --before 2026-02-03 --yes')).err).toContain(
      'say 2026-02-01T00:00:00Z or 2026-03-01T00:00:00Z',
    );
    expect((await cairn('erase --account 123456789012 --before 2026-02-01T00:00:00 --yes')).code).toBe(2);
  });

  it('ends with no when the erasure was given up', async () => {
    eraserFails = true;
    const said = await cairn('erase --account 123456789012 --before 2025-01 --yes');
    eraserFails = false;
    expect(said.code).toBe(1);
    expect(said.out).toContain(': A key object is damaged. (run ');
  });
});
