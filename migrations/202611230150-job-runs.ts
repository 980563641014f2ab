import { Migration } from '@mikro-orm/migrations';

/** Outcomes of jobs (workers/jobs/store.ts): the queue forgets, this table does not. */
export class JobRuns extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE job_run (
        id text PRIMARY KEY,
        name text NOT NULL,
        account text,
        payload jsonb NOT NULL,
        state text NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'DEAD')),
        scheduled boolean NOT NULL DEFAULT false,
        attempts integer NOT NULL DEFAULT 0,
        progress_done bigint,
        progress_total bigint,
        result jsonb,
        error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        enqueued_at timestamptz,
        started_at timestamptz,
        finished_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
      )`);
    this.addSql(`
      CREATE UNIQUE INDEX job_run_not_begun ON job_run (name, md5(payload::text))
      WHERE state = 'QUEUED' AND NOT scheduled`);
    this.addSql(`
      CREATE INDEX job_run_open ON job_run (updated_at)
      WHERE state IN ('QUEUED', 'RUNNING', 'FAILED') AND NOT scheduled`);
    this.addSql(`
      CREATE INDEX job_run_finished ON job_run (finished_at)
      WHERE state IN ('SUCCEEDED', 'DEAD') AND NOT scheduled`);
  }

  override down(): void {
    this.addSql('DROP TABLE job_run');
  }
}
