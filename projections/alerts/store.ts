import { createHash } from 'node:crypto';
import { ALERT_LIMITS, type AlertLimits } from '#domain/alerts';
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

const START: Place = { epoch: 0, position: 0 };
/** An event can concern all alerts that there may be, and no more. */
const MAX_MATCHES_PER_EVENT = ALERT_LIMITS.perInstallation;

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
  async matches(of: MatchesOf, { direction, cursor, limit }: MatchSlice): Promise<readonly RaisedMatch[]> {
    const first = of.since === undefined ? START : await this.#placeAt(of.since);
    if (first === undefined) return [];
    const [than, order] = direction === 'forward' ? (['<', 'DESC'] as const) : (['>', 'ASC'] as const);
    return this.#matches(of, {
      where: `(epoch, position) >= ($4, $5::bigint)
        AND ($6::integer IS NULL OR (epoch, position, alert) ${than} ($6, $7::bigint, $8::uuid))`,
      values: [first.epoch, first.position, ...valuesOf(cursor)],
      order,
      limit,
    });
  }

  /** What was raised from this place on, as far as the projection has come; about so many, of whole places. */
  async raised(of: Omit<MatchesOf, 'since'>, from: Place, limit: number): Promise<RaisedSlice> {
    // The end first: what lies before it is committed, so that nothing can appear behind `next` later.
    const end = await this.cursor();
    const matches = await this.#matches(of, {
      where: `(epoch, position) >= ($4, $5::bigint) AND (epoch, position) < ($6, $7::bigint)`,
      values: [from.epoch, from.position, end.epoch, end.position],
      order: 'ASC',
      limit,
    });
    if (matches.length < limit) return { matches, next: later(from, end), behind: 0 };
    const last = matches.at(-1)?.place ?? from;
    const whole = matches.filter(({ place }) => !isSame(place, last));
    const next = whole.length > 0 ? last : { epoch: last.epoch, position: last.position + 1 };
    const behind = Math.max(0, end.position - next.position);
    return { matches: whole.length > 0 ? whole : await this.#at(last, of), next, behind };
  }

  /** The first place that the projection has not seen. */
  async cursor(): Promise<Place> {
    const { rows } = await this.#pool.query<PlaceRecord>('SELECT epoch, position FROM alert_cursor');
    return rows[0] === undefined ? { epoch: 0, position: 0 } : toPlace(rows[0]);
  }

  async #at({ epoch, position }: Place, of: MatchesOf): Promise<readonly RaisedMatch[]> {
    return this.#matches(of, {
      where: 'epoch = $4 AND position = $5',
      values: [epoch, position],
      order: 'ASC',
      limit: MAX_MATCHES_PER_EVENT,
    });
  }

  /** The place of the first match whose event was recorded then or later: receipts never decrease. */
  async #placeAt(since: Date): Promise<Place | undefined> {
    const { rows } = await this.#pool.query<PlaceRecord>(
      `SELECT epoch, position FROM alert_match WHERE received_at >= $1
       ORDER BY received_at, epoch, position LIMIT 1`,
      [since],
    );
    return rows[0] && toPlace(rows[0]);
  }

  async #matches({ scope, alert }: MatchesOf, range: Range): Promise<readonly RaisedMatch[]> {
    const { rows } = await this.#pool.query<
      MatchRecord & { readonly alert_name: string; readonly alert_scope: readonly string[] | null }
    >(scope === 'ALL' && alert === undefined ? ofAll(range) : ofSome(range), [
      arrayOf(scope),
      alert ?? null,
      range.limit,
      ...range.values,
    ]);
    return rows.map((row) => ({
      ...toMatch(row),
      alertName: row.alert_name,
      alertScope: row.alert_scope ?? 'ALL',
    }));
  }
}

/** Which matches of those that may be seen; parameters from $4 on are its own. */
interface Range {
  readonly where: string;
  readonly values: readonly unknown[];
  readonly order: 'ASC' | 'DESC';
  readonly limit: number;
}

const COLUMNS = 'm.*, a.name AS alert_name, a.scope AS alert_scope';
const SEEN = '($1::text[] IS NULL OR a.scope <@ $1) AND ($2::uuid IS NULL OR a.id = $2)';

/** Along the index of places: each match counts. */
function ofAll({ where, order }: Range): string {
  return `SELECT ${COLUMNS}
    FROM (SELECT * FROM alert_match WHERE ${where} ORDER BY ${placeOrder(order)} LIMIT $3) AS m
      JOIN alert AS a ON a.id = m.alert
    WHERE ${SEEN} ORDER BY ${placeOrder(order)}`;
}

/** Alert by alert: how much others have raised must not be felt. */
function ofSome({ where, order }: Range): string {
  return `SELECT ${COLUMNS}
    FROM alert AS a CROSS JOIN LATERAL (
      SELECT * FROM alert_match WHERE alert = a.id AND ${where} ORDER BY ${placeOrder(order)} LIMIT $3
    ) AS m
    WHERE ${SEEN} ORDER BY ${placeOrder(order)} LIMIT $3`;
}

function placeOrder(order: Range['order']): string {
  return `epoch ${order}, position ${order}, alert ${order}`;
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
