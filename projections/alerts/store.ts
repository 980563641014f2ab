import { createHash } from 'node:crypto';
import { type AlertLimits } from '#domain/alerts';
import { CairnError } from '#domain/errors';
import { isBefore } from '#journal/place';
import type { Place } from '#journal/types';
import { inTransaction } from '#platform/db';
import type { Pool, PoolClient } from '#platform/db';
import type {
  AlertDefinition,
  AlertRow,
  AlertSlice,
  MatchCursor,
  AlertMatch,
  MatchSlice,
} from '#projections/alerts/alert-row';
import {
  toAlert,
  toMatch,
  toPlace,
  type AlertRecord,
  type MatchRecord,
  type PlaceRecord,
} from '#projections/alerts/rows';
import type { AccountScope } from '#projections/history/history-index';

/** An alert as it shall be from now on. */
export interface AlertToPut extends AlertDefinition {
  /** Of the alert of this name and scope that there is, or a new one. */
  readonly id: string;
  readonly putBy: string;
  /** The events before it are none of the alert's, if it is new or its filter changes. */
  readonly head: Place;
  /** Undefined: none. Without a secret the one that is there is kept. */
  readonly webhook: { readonly url: string; readonly secret: Buffer | undefined } | undefined;
}

/** Which alerts, and which of their matches. */
export interface MatchesOf {
  /** Alerts all of whose accounts are of the scope. */
  readonly scope: AccountScope;
  readonly alert?: string | undefined;
  /** Of events that were recorded then or later. */
  readonly since?: Date | undefined;
}

/** A match with what a listener is told of its alert. */
export interface RaisedMatch extends AlertMatch {
  readonly alertName: string;
  readonly alertScope: AccountScope;
}

/** Matches in the order of the journal, of whole places. */
export interface RaisedSlice {
  readonly matches: readonly RaisedMatch[];
  /** Where to read on. */
  readonly next: Place;
  /** Positions from there to the end of what the projection has seen. */
  readonly behind: number;
}

/** The tables alert and alert_match, as those see them who put alerts and read matches. */
export class AlertStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * Makes the alert, or changes the one of the same name and scope. LIMIT_EXCEEDED when there is no room for
   * another; CONFLICT when somebody else made or deleted it meanwhile.
   */
  async put(alert: AlertToPut, limits: AlertLimits): Promise<AlertRow> {
    return inTransaction(this.#pool, async (client) => {
      const from = await lockCursor(client, alert.head);
      const key = scopeKey(alert.scope);
      const { rows } = await client.query<AlertRecord>(
        'SELECT * FROM alert WHERE scope_key = $1 AND name = $2',
        [key, alert.name],
      );
      const [known] = rows;
      const isKept = alert.webhook !== undefined && alert.webhook.secret === undefined;
      if (known === undefined ? isKept : known.id !== alert.id || (isKept && known.webhook_secret === null)) {
        throw new CairnError('CONFLICT', 'Another has changed this alert at the same time: try again.');
      }
      if (known === undefined) {
        await requireRoom(client, key, limits);
        return insert(client, alert, from);
      }
      return update(client, alert, known.filter === alert.filter ? toAlert(known).from : from);
    });
  }

  /** With all its matches and deliveries; false when there is none. */
  async delete(id: string): Promise<boolean> {
    return inTransaction(this.#pool, async (client) => {
      await lockCursor(client, undefined);
      await client.query('DELETE FROM alert_delivery WHERE alert = $1', [id]);
      await client.query('DELETE FROM alert_match WHERE alert = $1', [id]);
      const { rowCount } = await client.query('DELETE FROM alert WHERE id = $1', [id]);
      return rowCount === 1;
    });
  }

  async find(id: string): Promise<AlertRow | undefined> {
    const { rows } = await this.#pool.query<AlertRecord>('SELECT * FROM alert WHERE id = $1', [id]);
    return rows[0] && toAlert(rows[0]);
  }

  /** The one of this name among those of exactly these accounts. */
  async findByName(scope: AccountScope, name: string): Promise<AlertRow | undefined> {
    const { rows } = await this.#pool.query<AlertRecord>(
      'SELECT * FROM alert WHERE scope_key = $1 AND name = $2',
      [scopeKey(scope), name],
    );
    return rows[0] && toAlert(rows[0]);
  }

  /** Those whose accounts lie within the scope; the newest first, backward the oldest before the cursor first. */
  async list(scope: AccountScope, { direction, cursor, limit }: AlertSlice): Promise<readonly AlertRow[]> {
    const [than, order] = direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    const { rows } = await this.#pool.query<AlertRecord>(
      `SELECT * FROM alert
       WHERE ($1::text[] IS NULL OR scope <@ $1)
         AND ($2::timestamptz IS NULL OR (created_at, id) ${than} ($2, $3::uuid))
       ORDER BY created_at ${order}, id ${order} LIMIT $4`,
      [arrayOf(scope), cursor?.createdAt ?? null, cursor?.id ?? null, limit],
    );
    return rows.map(toAlert);
  }

  /** The newest first, in the order of the journal and not of eventTime. */
  async matches(
    { scope, alert, since }: MatchesOf,
    { direction, cursor, limit }: MatchSlice,
  ): Promise<readonly RaisedMatch[]> {
    const [than, order] = direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    return this.#matches(
      `($2::uuid IS NULL OR m.alert = $2) AND ($3::timestamptz IS NULL OR m.received_at >= $3)
         AND ($4::integer IS NULL OR (m.epoch, m.position, m.alert) ${than} ($4, $5::bigint, $6::uuid))
       ORDER BY m.epoch ${order}, m.position ${order}, m.alert ${order} LIMIT $7`,
      [arrayOf(scope), alert ?? null, since ?? null, ...valuesOf(cursor), limit],
    );
  }

  /** What was raised from this place on, as far as the projection has come; about so many, of whole places. */
  async raised({ scope, alert }: Omit<MatchesOf, 'since'>, from: Place, limit: number): Promise<RaisedSlice> {
    // The end first: what lies before it is committed, so that nothing can appear behind `next` later.
    const end = await this.cursor();
    const matches = await this.#matches(
      `($2::uuid IS NULL OR m.alert = $2) AND (m.epoch, m.position) >= ($3, $4::bigint)
         AND (m.epoch, m.position) < ($5, $6::bigint)
       ORDER BY m.epoch, m.position, m.alert LIMIT $7`,
      [arrayOf(scope), alert ?? null, from.epoch, from.position, end.epoch, end.position, limit],
    );
    if (matches.length < limit) return { matches, next: later(from, end), behind: 0 };
    const last = matches.at(-1)?.place ?? from;
    const whole = matches.filter(({ place }) => !isSame(place, last));
    const next = whole.length > 0 ? last : { epoch: last.epoch, position: last.position + 1 };
    const behind = Math.max(0, end.position - next.position);
    return { matches: whole.length > 0 ? whole : await this.#at(last, { scope, alert }), next, behind };
  }

  /** The first place that the projection has not seen. */
  async cursor(): Promise<Place> {
    const { rows } = await this.#pool.query<PlaceRecord>('SELECT epoch, position FROM alert_cursor');
    return rows[0] === undefined ? { epoch: 0, position: 0 } : toPlace(rows[0]);
  }

  async #at({ epoch, position }: Place, { scope, alert }: MatchesOf): Promise<readonly RaisedMatch[]> {
    return this.#matches(
      `($2::uuid IS NULL OR m.alert = $2) AND m.epoch = $3 AND m.position = $4 ORDER BY m.alert`,
      [arrayOf(scope), alert ?? null, epoch, position],
    );
  }

  async #matches(rest: string, values: readonly unknown[]): Promise<readonly RaisedMatch[]> {
    const { rows } = await this.#pool.query<
      MatchRecord & { readonly alert_name: string; readonly alert_scope: readonly string[] | null }
    >(
      `SELECT m.*, a.name AS alert_name, a.scope AS alert_scope
       FROM alert_match AS m JOIN alert AS a ON a.id = m.alert
       WHERE ($1::text[] IS NULL OR a.scope <@ $1) AND ${rest}`,
      [...values],
    );
    return rows.map((row) => ({
      ...toMatch(row),
      alertName: row.alert_name,
      alertScope: row.alert_scope ?? 'ALL',
    }));
  }
}

/**
 * Until the transaction ends the projection does not move, and it will notice that the alerts have changed. Gives
 * the first place that it has not seen and that is not before the head: a change holds from there on.
 */
async function lockCursor(client: PoolClient, head: Place | undefined): Promise<Place> {
  const { rows } = await client.query<PlaceRecord>(
    'UPDATE alert_cursor SET revision = revision + 1 RETURNING epoch, position',
  );
  const [row] = rows;
  if (row === undefined) throw new Error('The projection of alerts has no cursor.');
  return head === undefined ? toPlace(row) : later(head, toPlace(row));
}

async function requireRoom(client: PoolClient, key: string, limits: AlertLimits): Promise<void> {
  const { rows } = await client.query<{ readonly all: number; readonly own: number }>(
    `SELECT count(*)::int AS all, count(*) FILTER (WHERE scope_key = $1)::int AS own FROM alert`,
    [key],
  );
  const { all = 0, own = 0 } = rows[0] ?? {};
  if (own >= limits.perScope) {
    throw new CairnError('LIMIT_EXCEEDED', `The same accounts may have ${limits.perScope} alerts.`);
  }
  if (all >= limits.perInstallation) {
    throw new CairnError('LIMIT_EXCEEDED', `An installation may have ${limits.perInstallation} alerts.`);
  }
}

async function insert(client: PoolClient, alert: AlertToPut, from: Place): Promise<AlertRow> {
  const { rows } = await client.query<AlertRecord>(
    `INSERT INTO alert (id, name, scope, scope_key, description, filter, throttle_seconds, from_epoch,
       from_position, webhook_url, webhook_secret, put_by, created_at, updated_at)
     SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now, now
     FROM date_trunc('milliseconds', now()) AS now RETURNING *`,
    [
      alert.id,
      alert.name,
      arrayOf(alert.scope),
      scopeKey(alert.scope),
      alert.description,
      alert.filter,
      alert.throttleSeconds,
      from.epoch,
      from.position,
      alert.webhook?.url ?? null,
      alert.webhook?.secret ?? null,
      alert.putBy,
    ],
  );
  return first(rows);
}

async function update(client: PoolClient, alert: AlertToPut, from: Place): Promise<AlertRow> {
  const { rows } = await client.query<AlertRecord>(
    `UPDATE alert SET description = $2, filter = $3, throttle_seconds = $4, from_epoch = $5, from_position = $6,
       webhook_url = $7, webhook_secret = CASE WHEN $7::text IS NULL THEN NULL ELSE coalesce($8, webhook_secret) END,
       put_by = $9, updated_at = date_trunc('milliseconds', now())
     WHERE id = $1 RETURNING *`,
    [
      alert.id,
      alert.description,
      alert.filter,
      alert.throttleSeconds,
      from.epoch,
      from.position,
      alert.webhook?.url ?? null,
      alert.webhook?.secret ?? null,
      alert.putBy,
    ],
  );
  if (alert.webhook === undefined) {
    await client.query(
      `UPDATE alert_delivery SET state = 'DEAD', last_error = 'The webhook was removed.'
       WHERE alert = $1 AND state = 'PENDING'`,
      [alert.id],
    );
  }
  return first(rows);
}

/** Names a set of accounts, however many: a list of a thousand is too long for an index. */
function scopeKey(scope: AccountScope): string {
  if (scope === 'ALL') return 'ALL';
  return createHash('sha256').update(scope.toSorted().join()).digest('hex');
}

function valuesOf(cursor: MatchCursor | undefined): readonly (number | string | null)[] {
  return cursor === undefined
    ? [null, null, null]
    : [cursor.place.epoch, cursor.place.position, cursor.alert];
}

function later(one: Place, other: Place): Place {
  return isBefore(one, other) ? other : one;
}

function isSame(one: Place, other: Place): boolean {
  return one.epoch === other.epoch && one.position === other.position;
}

function arrayOf(scope: AccountScope): readonly string[] | null {
  return scope === 'ALL' ? null : scope.toSorted();
}

function first(rows: readonly AlertRecord[]): AlertRow {
  const [row] = rows;
  if (row === undefined) throw new Error('PostgreSQL gave no row back.');
  return toAlert(row);
}
