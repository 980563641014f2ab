import type { Pool, PoolClient } from 'pg';
import type { JobFilter, JobProgress, JobResult, JobRun, JobSlice, JobState } from '#domain/jobs';

export interface NewRun {
  readonly id: string;
  readonly name: string;
  readonly account: string | undefined;
  readonly payload: unknown;
}

/** A run that is not done, with what is needed to queue it again. */
export interface OpenRun {
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  /** The queue had it once. */
  readonly enqueued: boolean;
}

/** The outcome of `exclusively`: `busy` when somebody else holds the key. */
export type Exclusive<T> = { readonly busy: true } | { readonly busy: false; readonly value: T };

/** The table job_run: what was asked, how far it is, what came of it. */
export interface JobStore {
  /** The run, or the one that stands for it: the same id, or the same job and payload that has not begun. */
  insert(run: NewRun): Promise<{ readonly run: JobRun; readonly isNew: boolean }>;
  find(id: string): Promise<JobRun | undefined>;
  /** The newest first; backward: the oldest before the cursor first. */
  list(filter: JobFilter, slice: JobSlice): Promise<readonly JobRun[]>;
  /** The queue has it. */
  enqueued(id: string): Promise<void>;
  /** An attempt begins; false when the run is done or unknown, and there is nothing to do. */
  begin(id: string): Promise<boolean>;
  /** The same for the one run of a scheduled job, which always begins anew. */
  beginScheduled(name: string): Promise<void>;
  progress(id: string, progress: JobProgress): Promise<void>;
  succeed(id: string, result: JobResult): Promise<void>;
  /** FAILED, or with `dead` DEAD. A run that is done stays as it is. */
  fail(id: string, error: string, dead: boolean): Promise<void>;
  /** DEAD begins anew; undefined when the run is not DEAD. */
  revive(id: string): Promise<OpenRun | undefined>;
  /** Runs that are not done and of which nothing was heard for so long, the longest first. */
  silent(milliseconds: number, limit: number): Promise<readonly OpenRun[]>;
  /** Removes runs that were done so long ago, at most `limit`; how many. */
  prune(milliseconds: number, limit: number): Promise<number>;
  /**
   * Does the work while nobody else, in any process, does work under the same key. The signal aborts when the
   * lock was lost with its connection. Holds one connection of the pool meanwhile.
   */
  exclusively<T>(key: string, work: (lost: AbortSignal) => Promise<T>): Promise<Exclusive<T>>;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly account: string | null;
  readonly state: JobState;
  readonly attempts: number;
  readonly progress_done: string | null;
  readonly progress_total: string | null;
  readonly result: JobResult | null;
  readonly error: string | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

const COLUMNS = `id, name, account, state, attempts, progress_done, progress_total, result, error,
  created_at, started_at, finished_at`;
const OPEN = `state IN ('QUEUED', 'RUNNING', 'FAILED')`;
const BEGUN = `state = 'RUNNING', attempts = job_run.attempts + 1, error = NULL, result = NULL,
  progress_done = NULL, progress_total = NULL, started_at = now(), finished_at = NULL, updated_at = now()`;
/** Namespace of our advisory locks: 'cjob' in ASCII. */
const LOCKS = 0x636a_6f62;

export function createJobStore(pool: Pool): JobStore {
  return new PostgresJobStore(pool);
}

class PostgresJobStore implements JobStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async insert(run: NewRun): Promise<{ run: JobRun; isNew: boolean }> {
    const payload = JSON.stringify(run.payload);
    for (;;) {
      const inserted = await this.#pool.query<Row>(
        `INSERT INTO job_run (id, name, account, payload, state) VALUES ($1, $2, $3, $4, 'QUEUED')
         ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
        [run.id, run.name, run.account ?? null, payload],
      );
      if (inserted.rows[0] !== undefined) return { run: toRun(inserted.rows[0]), isNew: true };
      const known = await this.#pool.query<Row>(
        `SELECT ${COLUMNS} FROM job_run
         WHERE id = $1 OR (state = 'QUEUED' AND NOT scheduled AND name = $2 AND md5(payload::text) = md5($3::jsonb::text))
         ORDER BY id <> $1 LIMIT 1`,
        [run.id, run.name, payload],
      );
      if (known.rows[0] !== undefined) return { run: toRun(known.rows[0]), isNew: false };
      // The run in the way began or went between the two statements: now there is room.
    }
  }

  async find(id: string): Promise<JobRun | undefined> {
    const found = await this.#pool.query<Row>(`SELECT ${COLUMNS} FROM job_run WHERE id = $1`, [id]);
    return found.rows[0] === undefined ? undefined : toRun(found.rows[0]);
  }

  async list({ states, name }: JobFilter, slice: JobSlice): Promise<readonly JobRun[]> {
    const [than, order] = slice.direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    // Cursors have milliseconds, PostgreSQL's times more.
    const place = `(date_trunc('milliseconds', created_at), id)`;
    const found = await this.#pool.query<Row>(
      `SELECT ${COLUMNS} FROM job_run
       WHERE ($1::text[] IS NULL OR state = ANY ($1)) AND ($2::text IS NULL OR name = $2)
         AND ($3::timestamptz IS NULL OR ${place} ${than} ($3, $4))
       ORDER BY date_trunc('milliseconds', created_at) ${order}, id ${order} LIMIT $5`,
      [states ?? null, name ?? null, slice.cursor?.createdAt ?? null, slice.cursor?.id ?? null, slice.limit],
    );
    return found.rows.map(toRun);
  }

  async enqueued(id: string): Promise<void> {
    await this.#pool.query(`UPDATE job_run SET enqueued_at = now(), updated_at = now() WHERE id = $1`, [id]);
  }

  async begin(id: string): Promise<boolean> {
    const begun = await this.#pool.query(`UPDATE job_run SET ${BEGUN} WHERE id = $1 AND ${OPEN}`, [id]);
    return begun.rowCount === 1;
  }

  async beginScheduled(name: string): Promise<void> {
    await this.#pool.query(
      `INSERT INTO job_run (id, name, payload, state, scheduled, attempts, started_at)
       VALUES ($1, $1, '{}', 'RUNNING', true, 1, now())
       ON CONFLICT (id) DO UPDATE SET ${BEGUN}`,
      [name],
    );
  }

  async progress(id: string, { done, total }: JobProgress): Promise<void> {
    await this.#pool.query(
      `UPDATE job_run SET progress_done = $2, progress_total = $3, updated_at = now()
       WHERE id = $1 AND state = 'RUNNING'`,
      [id, done, total ?? null],
    );
  }

  async succeed(id: string, result: JobResult): Promise<void> {
    await this.#pool.query(
      `UPDATE job_run SET state = 'SUCCEEDED', result = $2, error = NULL, finished_at = now(), updated_at = now()
       WHERE id = $1`,
      [id, JSON.stringify(result)],
    );
  }

  async fail(id: string, error: string, dead: boolean): Promise<void> {
    await this.#pool.query(
      `UPDATE job_run SET state = $3, error = $2, finished_at = CASE WHEN $3 = 'DEAD' THEN now() END,
         updated_at = now()
       WHERE id = $1 AND ${OPEN}`,
      [id, error, dead ? 'DEAD' : 'FAILED'],
    );
  }

  async revive(id: string): Promise<OpenRun | undefined> {
    const revived = await this.#pool.query<OpenRun>(
      `UPDATE job_run SET state = 'QUEUED', attempts = 0, enqueued_at = NULL, finished_at = NULL, updated_at = now()
       WHERE id = $1 AND state = 'DEAD' RETURNING id, name, payload, false AS enqueued`,
      [id],
    );
    return revived.rows[0];
  }

  async silent(milliseconds: number, limit: number): Promise<readonly OpenRun[]> {
    const found = await this.#pool.query<OpenRun>(
      `SELECT id, name, payload, enqueued_at IS NOT NULL AS enqueued FROM job_run
       WHERE ${OPEN} AND NOT scheduled AND updated_at < now() - $1 * interval '1 millisecond'
       ORDER BY updated_at LIMIT $2`,
      [milliseconds, limit],
    );
    return found.rows;
  }

  async prune(milliseconds: number, limit: number): Promise<number> {
    const removed = await this.#pool.query(
      `DELETE FROM job_run WHERE id IN (
         SELECT id FROM job_run WHERE state IN ('SUCCEEDED', 'DEAD') AND NOT scheduled
           AND finished_at < now() - $1 * interval '1 millisecond' LIMIT $2)`,
      [milliseconds, limit],
    );
    return removed.rowCount ?? 0;
  }

  async exclusively<T>(key: string, work: (lost: AbortSignal) => Promise<T>): Promise<Exclusive<T>> {
    const client = await this.#pool.connect();
    const lost = new AbortController();
    const abort = (error: Error): void => lost.abort(error);
    client.on('error', abort);
    try {
      if (!(await tryLock(client, key))) return { busy: true };
      try {
        return { busy: false, value: await work(lost.signal) };
      } finally {
        if (!lost.signal.aborted)
          await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCKS, key]);
      }
    } finally {
      client.off('error', abort);
      client.release(lost.signal.aborted);
    }
  }
}

async function tryLock(client: PoolClient, key: string): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked',
    [LOCKS, key],
  );
  return rows[0]?.locked === true;
}

function toRun(row: Row): JobRun {
  return {
    id: row.id,
    name: row.name,
    account: row.account ?? undefined,
    state: row.state,
    attempts: row.attempts,
    progress:
      row.progress_done === null
        ? undefined
        : {
            done: Number(row.progress_done),
            total: row.progress_total === null ? undefined : Number(row.progress_total),
          },
    result: row.result ?? undefined,
    error: row.error ?? undefined,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
  };
}
