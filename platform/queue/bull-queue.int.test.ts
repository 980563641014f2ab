import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresBackend } from '#platform/queue/bull-backend';
import { createBullQueue } from '#platform/queue/bull-queue';
import { Runs, describeQueue, until } from '#platform/queue/queue.contract';
import type { JobKind, Queue } from '#platform/queue/queue';
import { createTestDatabase } from '#test/harness';
import type { TestDatabase } from '#test/harness';

const HANG: JobKind = { name: 'hang', attempts: 1, backOff: { kind: 'fixed', delayMs: 10 } };
const CHILD = fileURLToPath(new URL('../../test/children/queue-worker.ts', import.meta.url));

let database: TestDatabase;
const errors: Error[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

function open(name: string): Queue {
  return createBullQueue({
    backend: postgresBackend({ connectionString: database.url }),
    name,
    lockMs: 1_000,
    graceMs: 2_000,
    onError: (error) => errors.push(error),
  });
}

describeQueue('BullMQ on PostgreSQL', open);

describe('BullMQ on PostgreSQL', () => {
  it('gives the job of a process killed in the middle to another, as the same attempt', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const name = `q${randomUUID()}`;
    const queue = cleanUp.adopt(open(name), (opened) => opened.close());
    await queue.add(HANG, { part: 7 }, { id: 'orphan' });
    const child = spawn(
      process.execPath,
      ['--no-warnings', '--conditions', 'source', CHILD, database.url, name],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    cleanUp.defer(() => kill(child));
    expect(await firstLine(child)).toBe('took orphan\n');
    expect(await queue.find('orphan')).toBe('active');
    await kill(child);

    const runs = new Runs();
    await queue.process(runs.handlers({ hang: () => Promise.resolve() }));
    await until(async () => (await queue.find('orphan')) === 'done');
    expect(runs.of('orphan').map((job) => [job.payload, job.attempt])).toEqual([[{ part: 7 }, 1]]);
  });

  it('does not wait for ever for a job that ignores the signal', async () => {
    const name = `q${randomUUID()}`;
    const queue = createBullQueue({
      backend: postgresBackend({ connectionString: database.url }),
      name,
      graceMs: 50,
      onError: (error) => errors.push(error),
    });
    const runs = new Runs();
    let finish = (): void => undefined;
    const stuck = new Promise<void>((resolve) => (finish = resolve));
    await queue.process(runs.handlers({ hang: () => stuck }));
    await queue.add(HANG, {}, { id: 'deaf' });
    await runs.count(1);
    await queue.close();
    finish();
    const after = open(name);
    expect(await after.find('deaf')).toBe('active');
    await after.close();
  });

  it('goes on after all its connections were killed', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const queue = cleanUp.adopt(open(`q${randomUUID()}`), (opened) => opened.close());
    const runs = new Runs();
    await queue.process(runs.handlers({ hang: () => Promise.resolve() }));
    await queue.add(HANG, {}, { id: 'before' });
    await until(async () => (await queue.find('before')) === 'done');
    const killed = await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
    );
    expect(killed.rowCount).toBeGreaterThan(2);
    await until(() => succeeds(() => queue.add(HANG, {}, { id: 'after' })));
    await until(() => succeeds(async () => expect(await queue.find('after')).toBe('done')));
    expect(runs.of('after')).toHaveLength(1);
  });

  it('refuses to process twice', async () => {
    await using cleanUp = new AsyncDisposableStack();
    const queue = cleanUp.adopt(open(`q${randomUUID()}`), (opened) => opened.close());
    await queue.process(new Map());
    await expect(queue.process(new Map())).rejects.toThrow('already');
  });
});

async function succeeds(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch {
    return false;
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The child has no stdout.');
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return chunk.toString();
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}
