import type { Pool } from '#platform/db';

/** A process as it has told of itself. */
export interface OwnProcess {
  readonly id: string;
  /** Its roles: `api`, `worker`, `gateway+events`. */
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** What it was told that is no secret, by variable. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface LostProcess extends Omit<OwnProcess, 'settings'> {
  readonly startedAt: Date;
  readonly seenAt: Date;
}

interface LostRow extends Omit<LostProcess, 'startedAt' | 'seenAt'> {
  readonly started_at: Date;
  readonly seen_at: Date;
}

/** Ended ones are kept for so many days, the newest of a name always: the next start is compared with it. */
const KEPT_DAYS = 30;
const LOST = 'id, name, host, pid, version, started_at, seen_at';

/** The table own_process: which processes of the installation ran, and which of them never said that they ended. */
export class OwnProcessStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async begin({ id, name, host, pid, version, settings }: OwnProcess): Promise<void> {
    await this.#pool.query(
      `INSERT INTO own_process (id, name, host, pid, version, settings) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id) DO NOTHING`,
      [id, name, host, pid, version, JSON.stringify(settings)],
    );
    await this.#pool.query(
      `DELETE FROM own_process AS old WHERE ended_at < now() - $1 * interval '1 day' AND EXISTS
        (SELECT 1 FROM own_process AS newer WHERE newer.name = old.name AND newer.started_at > old.started_at)`,
      [KEPT_DAYS],
    );
  }

  /** How the last one of this name was set up; undefined for the first. */
  async lastOf(name: string, notId: string): Promise<Pick<OwnProcess, 'settings' | 'version'> | undefined> {
    const { rows } = await this.#pool.query<{ settings: string; version: string }>(
      `SELECT settings, version FROM own_process WHERE name = $1 AND id <> $2 ORDER BY started_at DESC LIMIT 1`,
      [name, notId],
    );
    return rows[0] && { settings: JSON.parse(rows[0].settings), version: rows[0].version };
  }

  async seen(id: string): Promise<void> {
    await this.#pool.query('UPDATE own_process SET seen_at = now() WHERE id = $1', [id]);
  }

  async end(id: string): Promise<void> {
    await this.#pool.query('UPDATE own_process SET seen_at = now(), ended_at = now() WHERE id = $1', [id]);
  }

  /** Those of this host that did not say that they ended; whether they run can be seen there. */
  async openOn(host: string): Promise<readonly LostProcess[]> {
    const { rows } = await this.#pool.query<LostRow>(
      `SELECT ${LOST} FROM own_process WHERE host = $1 AND ended_at IS NULL`,
      [host],
    );
    return rows.map(readRow);
  }

  /** Those of any host that were not seen for so long. */
  async silentFor(ms: number): Promise<readonly LostProcess[]> {
    const { rows } = await this.#pool.query<LostRow>(
      `SELECT ${LOST} FROM own_process
        WHERE ended_at IS NULL AND seen_at < now() - $1 * interval '1 millisecond'`,
      [ms],
    );
    return rows.map(readRow);
  }

  /** True for the one that asks first: it tells. */
  async claimEnd(id: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      'UPDATE own_process SET ended_at = now() WHERE id = $1 AND ended_at IS NULL',
      [id],
    );
    return rowCount === 1;
  }
}

function readRow({ started_at, seen_at, ...row }: LostRow): LostProcess {
  return { ...row, startedAt: started_at, seenAt: seen_at };
}
