import { CairnError } from '#domain/errors';
import type { ExportLimits } from '#domain/exports';
import type { ErasureScope, Place } from '#journal/types';
import { inTransaction } from '#platform/db';
import type { Pool, PoolClient } from '#platform/db';
import type {
  ExportPart,
  ExportRow,
  ExportSlice,
  NewExport,
  WrittenPart,
} from '#projections/export/export-row';
import { toExport, type Row } from '#projections/export/stored-row';
import type { AccountScope } from '#projections/history/history-index';

const OPEN = `state IN ('QUEUED', 'RUNNING')`;
const BEGUN_ANEW = `generation = generation + 1, snapshot_epoch = NULL, snapshot_position = NULL, total = NULL,
  row_count = 0, byte_count = 0, part_count = 0, complete = false, cursor_second = NULL, cursor_position = NULL,
  first_time = NULL, last_time = NULL, removed = false, error = NULL, started_at = NULL,
  finished_at = NULL`;
/** One advisory lock for the decision whether there is room for another export: 'cexp' in ASCII. */
const LOCK = 0x6365_7870;

/** The tables event_export, event_export_part and event_export_account. */
export class ExportStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** TOO_MANY_REQUESTS while the key, or one of the accounts, has as many unfinished exports as it may. */
  async insert(one: NewExport, limits: Pick<ExportLimits, 'perKey' | 'perAccount'>): Promise<ExportRow> {
    return inTransaction(this.#pool, async (client) => {
      await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
      await requireRoom(client, one, limits);
      const { rows } = await client.query<Row>(
        `INSERT INTO event_export (id, created_by, scope, accounts, from_time, filter, order_by, format, columns,
           compression, state, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'QUEUED', date_trunc('milliseconds', now()))
         RETURNING *`,
        [
          one.id,
          one.createdBy,
          arrayOf(one.scope),
          arrayOf(one.accounts),
          one.fromTime ?? null,
          one.filter,
          one.order,
          one.format,
          one.columns,
          one.compression,
        ],
      );
      return first(rows);
    });
  }

  async find(id: string): Promise<ExportRow | undefined> {
    const { rows } = await this.#pool.query<Row>('SELECT * FROM event_export WHERE id = $1', [id]);
    return rows[0] && toExport(rows[0]);
  }

  /** Those of a key, or with undefined of all keys whose accounts lie within the scope; the newest first. */
  async list(
    of: { readonly scope: AccountScope; readonly createdBy: string | undefined },
    { direction, cursor, limit }: ExportSlice,
  ): Promise<readonly ExportRow[]> {
    const [than, order] = direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    const { rows } = await this.#pool.query<Row>(
      `SELECT * FROM event_export
       WHERE ($1::text[] IS NULL OR scope <@ $1) AND ($2::text IS NULL OR created_by = $2)
         AND ($3::timestamptz IS NULL OR (created_at, id) ${than} ($3, $4))
       ORDER BY created_at ${order}, id ${order} LIMIT $5`,
      [arrayOf(of.scope), of.createdBy ?? null, cursor?.createdAt ?? null, cursor?.id ?? null, limit],
    );
    return rows.map(toExport);
  }

  /** Begins, goes on with, or after a failure begins anew; undefined when there is nothing to do. */
  async begin(id: string, head: Place): Promise<ExportRow | undefined> {
    const { rows: failed } = await this.#pool.query<Row>(
      `UPDATE event_export SET state = 'QUEUED', ${BEGUN_ANEW} WHERE id = $1 AND state = 'FAILED' RETURNING *`,
      [id],
    );
    if (failed.length > 0) await this.#forgetParts(this.#pool, id);
    const { rows } = await this.#pool.query<Row>(
      `UPDATE event_export SET state = 'RUNNING', started_at = coalesce(started_at, now()),
         snapshot_epoch = coalesce(snapshot_epoch, $2), snapshot_position = coalesce(snapshot_position, $3)
       WHERE id = $1 AND ${OPEN} RETURNING *`,
      [id, head.epoch, head.position],
    );
    return rows[0] && toExport(rows[0]);
  }

  async setTotal(id: string, total: number): Promise<void> {
    await this.#pool.query('UPDATE event_export SET total = $2 WHERE id = $1', [id, total]);
  }

  /** False when somebody ended the export meanwhile, or began it anew, or has written this part. */
  async addPart({ id, generation, parts, bytes }: ExportRow, part: WrittenPart): Promise<boolean> {
    return inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE event_export SET part_count = part_count + 1, row_count = row_count + $4,
           byte_count = byte_count + $5, cursor_second = coalesce($6, cursor_second),
           cursor_position = coalesce($7, cursor_position), complete = $8,
           first_time = least(first_time, $9), last_time = greatest(last_time, $10)
         WHERE id = $1 AND generation = $2 AND part_count = $3 AND state = 'RUNNING' AND NOT complete`,
        [
          id,
          generation,
          parts,
          part.rows,
          part.bytes,
          part.cursor?.second ?? null,
          part.cursor?.position ?? null,
          part.isLast,
          part.firstTime ?? null,
          part.lastTime ?? null,
        ],
      );
      if (rowCount !== 1) return false;
      await client.query(
        `INSERT INTO event_export_part (export, part, object, byte_start, byte_count) VALUES ($1, $2, $3, $4, $5)`,
        [id, parts, part.object, bytes, part.bytes],
      );
      await client.query(
        `INSERT INTO event_export_account (export, account, first_time)
         SELECT $1, * FROM unnest($2::text[], $3::bigint[])
         ON CONFLICT (export, account) DO UPDATE
           SET first_time = least(event_export_account.first_time, excluded.first_time)`,
        [id, [...part.accounts.keys()], [...part.accounts.values()]],
      );
      return true;
    });
  }

  /** The parts in the order of the file, from the one that holds this byte on. */
  async parts(id: string, from = 0): Promise<readonly ExportPart[]> {
    const { rows } = await this.#pool.query<{ object: string; byte_start: string; byte_count: string }>(
      `SELECT object, byte_start, byte_count FROM event_export_part
       WHERE export = $1 AND byte_start + byte_count > $2 ORDER BY part`,
      [id, from],
    );
    return rows.map((row) => ({
      object: row.object,
      start: Number(row.byte_start),
      bytes: Number(row.byte_count),
    }));
  }

  /** The file is whole; false when somebody ended the export meanwhile or began it anew. */
  async succeed(
    { id, generation }: ExportRow,
    done: {
      readonly sha256: string;
      readonly statement: string;
      readonly finishedAt: Date;
      readonly expiresAt: Date;
    },
  ): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE event_export SET state = 'SUCCEEDED', sha256 = $3, statement = $4, finished_at = $5, expires_at = $6
       WHERE id = $1 AND generation = $2 AND state = 'RUNNING' AND complete`,
      [id, generation, done.sha256, done.statement, done.finishedAt, done.expiresAt],
    );
    return rowCount === 1;
  }

  /** Ends one that is not done; false when it was. */
  async end(id: string, state: 'FAILED' | 'CANCELED', error?: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE event_export SET state = $2, error = $3, finished_at = now() WHERE id = $1 AND ${OPEN}`,
      [id, state, error ?? null],
    );
    return rowCount === 1;
  }

  /** From the first event again, in a file of its own; only when it is still in this writing. */
  async restart(id: string, generation: number): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE event_export SET ${BEGUN_ANEW} WHERE id = $1 AND generation = $2 AND state = 'RUNNING'`,
        [id, generation],
      );
      if (rowCount === 1) await this.#forgetParts(client, id);
    });
  }

  /** Exports in work whose file may hold what the scope names. */
  async inWorkOn({ account, before }: ErasureScope): Promise<readonly ExportRow[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT * FROM event_export
       WHERE state = 'RUNNING' AND (accounts IS NULL OR $1 = ANY (accounts))
         AND ($2::bigint IS NULL OR from_time IS NULL OR from_time < $2)`,
      [account, before ?? null],
    );
    return rows.map(toExport);
  }

  /** Files that hold what the scope names. */
  async withEventsOf({ account, before }: ErasureScope): Promise<readonly ExportRow[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT e.* FROM event_export AS e JOIN event_export_account AS a ON a.export = e.id
       WHERE a.account = $1 AND ($2::bigint IS NULL OR a.first_time < $2)
         AND e.state <> 'RUNNING'`,
      [account, before ?? null],
    );
    return rows.map(toExport);
  }

  /** The file of this writing is gone, because events in it were erased. */
  async erased({ id, generation }: ExportRow): Promise<void> {
    const { rowCount } = await this.#pool.query(
      `UPDATE event_export SET state = 'ERASED', removed = true, finished_at = coalesce(finished_at, now())
       WHERE id = $1 AND generation = $2 AND state NOT IN ('QUEUED', 'RUNNING')`,
      [id, generation],
    );
    if (rowCount === 1) await this.#forgetParts(this.#pool, id);
  }

  /** Says which files are past their time; their bytes are still there (`toRemove`). */
  async expire(now: Date): Promise<void> {
    await this.#pool.query(
      `UPDATE event_export SET state = 'EXPIRED' WHERE state = 'SUCCEEDED' AND expires_at <= $1`,
      [now],
    );
  }

  /** Ended without a file to keep, and something of it may still be there. */
  async toRemove(limit: number): Promise<readonly ExportRow[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT * FROM event_export
       WHERE NOT removed AND state IN ('FAILED', 'CANCELED', 'EXPIRED', 'ERASED') LIMIT $1`,
      [limit],
    );
    return rows.map(toExport);
  }

  /** The file of this writing is gone; a later one may have begun. */
  async removed({ id, generation }: ExportRow): Promise<void> {
    const { rowCount } = await this.#pool.query(
      `UPDATE event_export SET removed = true
       WHERE id = $1 AND generation = $2 AND state NOT IN ('QUEUED', 'RUNNING', 'SUCCEEDED')`,
      [id, generation],
    );
    if (rowCount === 1) await this.#forgetParts(this.#pool, id);
  }

  /** Those that are not done, the oldest first. */
  async open(): Promise<readonly ExportRow[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT * FROM event_export WHERE ${OPEN} ORDER BY created_at LIMIT 1000`,
    );
    return rows.map(toExport);
  }

  async delete(id: string): Promise<void> {
    await inTransaction(this.#pool, async (client) => {
      await this.#forgetParts(client, id);
      await client.query('DELETE FROM event_export WHERE id = $1', [id]);
    });
  }

  /** Forgets exports without a file that ended before this; how many. */
  async prune(before: Date): Promise<number> {
    const { rowCount } = await this.#pool.query(
      'DELETE FROM event_export WHERE removed AND finished_at < $1',
      [before],
    );
    return rowCount ?? 0;
  }

  async #forgetParts(client: Pick<Pool, 'query'>, id: string): Promise<void> {
    await client.query('DELETE FROM event_export_part WHERE export = $1', [id]);
    await client.query('DELETE FROM event_export_account WHERE export = $1', [id]);
  }
}

async function requireRoom(
  client: PoolClient,
  { createdBy, accounts }: NewExport,
  { perKey, perAccount }: Pick<ExportLimits, 'perKey' | 'perAccount'>,
): Promise<void> {
  const { rows } = await client.query<{ of_key: number; of_account: number }>(
    `SELECT count(*) FILTER (WHERE created_by = $1)::int AS of_key,
       count(*) FILTER (WHERE accounts IS NULL OR $2::text[] IS NULL OR accounts && $2)::int AS of_account
     FROM event_export WHERE ${OPEN}`,
    [createdBy, arrayOf(accounts)],
  );
  const { of_key: ofKey = 0, of_account: ofAccount = 0 } = rows[0] ?? {};
  if (ofKey < perKey && ofAccount < perAccount) return;
  const which = ofKey >= perKey ? `This key has ${ofKey}` : `These accounts have ${ofAccount}`;
  throw new CairnError(
    'TOO_MANY_REQUESTS',
    `${which} exports that are not done: wait for one or cancel it.`,
    {
      retryAfter: 10,
    },
  );
}

function arrayOf(scope: AccountScope): readonly string[] | null {
  return scope === 'ALL' ? null : scope;
}

function first(rows: readonly Row[]): ExportRow {
  const [row] = rows;
  if (row === undefined) throw new Error('PostgreSQL gave no row back.');
  return toExport(row);
}
