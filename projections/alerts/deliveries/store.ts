import type { Pool } from '#platform/db';
import type { AlertSlice, Delivery, DueDelivery } from '#projections/alerts/alert-row';
import { toDelivery, toWebhook, type AlertRecord, type DeliveryRecord } from '#projections/alerts/rows';
import type { AccountScope } from '#projections/history/history-index';

/** How many are claimed at a time. */
export interface Claim {
  readonly limit: number;
  /** Of one alert: a webhook that does not answer must not keep the others waiting. */
  readonly perAlert: number;
  readonly now: Date;
  /** Until then nobody else claims them; past it, whoever claimed them is taken for lost. */
  readonly until: Date;
}

/** How an attempt ended. */
export interface Failure {
  /** Short, for people; nothing of the event and no secret. */
  readonly error: string;
  /** Of the answer, when there was one. */
  readonly status?: number | undefined;
}

const MAX_ERROR_CHARS = 500;

/**
 * The table alert_delivery. The projection writes the rows (matches/store.ts); who sends claims them. An attempt is
 * named by the delivery as it was claimed: when another has claimed it since, or it was sent again, what the first
 * one says of it is not heard.
 */
export class DeliveryStore {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Claims what is due, the longest due of each alert first; each claim is an attempt. No two claims overlap. */
  async dueDeliveries({ limit, perAlert, now, until }: Claim): Promise<readonly DueDelivery[]> {
    const { rows } = await this.#pool.query<
      DeliveryRecord & Pick<AlertRecord, 'webhook_url' | 'webhook_secret'> & { readonly alert_name: string }
    >(
      `WITH due AS (
         SELECT d.id, a.name, a.webhook_url, a.webhook_secret
         FROM alert AS a CROSS JOIN LATERAL (
           SELECT id FROM alert_delivery
           WHERE alert = a.id AND state = 'PENDING' AND next_attempt_at <= $1
           ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED
         ) AS d
         WHERE a.webhook_url IS NOT NULL LIMIT $3
       )
       UPDATE alert_delivery AS d SET attempts = attempts + 1, claims = claims + 1, next_attempt_at = $4
       FROM due WHERE d.id = due.id
       RETURNING d.*, due.name AS alert_name, due.webhook_url, due.webhook_secret`,
      [now, perAlert, limit, until],
    );
    return rows.flatMap((row) => {
      const webhook = toWebhook(row);
      return webhook === undefined ? [] : [{ ...toDelivery(row), alertName: row.alert_name, webhook }];
    });
  }

  /** The webhook has taken it. False when this is no news of the attempt at hand. */
  delivered(of: Pick<Delivery, 'id' | 'claims'>, at: Date, status: number): Promise<boolean> {
    return this.#end(`state = 'DELIVERED', delivered_at = $3, last_status = $4, last_error = NULL`, of, [
      at,
      status,
    ]);
  }

  /** It is tried again at that time. */
  failed(of: Pick<Delivery, 'id' | 'claims'>, nextAt: Date, failure: Failure): Promise<boolean> {
    return this.#end(`next_attempt_at = $3, last_error = $4, last_status = $5`, of, [
      nextAt,
      ...wordsOf(failure),
    ]);
  }

  /** It is given up. */
  dead(of: Pick<Delivery, 'id' | 'claims'>, failure: Failure): Promise<boolean> {
    return this.#end(`state = 'DEAD', last_error = $3, last_status = $4`, of, wordsOf(failure));
  }

  /** Of alerts whose accounts lie within the scope, of one alert when it is named; the newest first. */
  async deadLetters(
    of: { readonly scope: AccountScope; readonly alert?: string | undefined },
    { direction, cursor, limit }: AlertSlice,
  ): Promise<readonly Delivery[]> {
    const [than, order] = direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    const { rows } = await this.#pool.query<DeliveryRecord>(
      `SELECT d.* FROM alert_delivery AS d JOIN alert AS a ON a.id = d.alert
       WHERE d.state = 'DEAD' AND ($1::text[] IS NULL OR a.scope <@ $1) AND ($2::uuid IS NULL OR d.alert = $2)
         AND ($3::timestamptz IS NULL OR (d.created_at, d.id) ${than} ($3, $4::uuid))
       ORDER BY d.created_at ${order}, d.id ${order} LIMIT $5`,
      [arrayOf(of.scope), of.alert ?? null, cursor?.createdAt ?? null, cursor?.id ?? null, limit],
    );
    return rows.map(toDelivery);
  }

  /**
   * Those of the ids that are DEAD, of alerts within the scope that still have a webhook, are due again with all
   * attempts before them; gives their ids.
   */
  async sendAgain(ids: readonly string[], scope: AccountScope, now: Date): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ readonly id: string }>(
      `UPDATE alert_delivery AS d SET state = 'PENDING', attempts = 0, next_attempt_at = $3
       FROM alert AS a
       WHERE d.id = ANY ($1::uuid[]) AND d.state = 'DEAD' AND a.id = d.alert AND a.webhook_url IS NOT NULL
         AND ($2::text[] IS NULL OR a.scope <@ $2)
       RETURNING d.id`,
      [ids, arrayOf(scope), now],
    );
    return rows.map(({ id }) => id);
  }

  /** How many there are of each state, for the gauges. */
  async counts(): Promise<{ readonly pending: number; readonly dead: number }> {
    const { rows } = await this.#pool.query<{ readonly pending: number; readonly dead: number }>(
      `SELECT (SELECT count(*)::int FROM alert_delivery WHERE state = 'PENDING') AS pending,
         (SELECT count(*)::int FROM alert_delivery WHERE state = 'DEAD') AS dead`,
    );
    return rows[0] ?? { pending: 0, dead: 0 };
  }

  async #end(
    change: string,
    { id, claims }: Pick<Delivery, 'id' | 'claims'>,
    values: readonly unknown[],
  ): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      `UPDATE alert_delivery SET ${change} WHERE id = $1 AND claims = $2 AND state = 'PENDING'`,
      [id, claims, ...values],
    );
    return rowCount === 1;
  }
}

function wordsOf({ error, status }: Failure): readonly unknown[] {
  // PostgreSQL takes no U+0000, and the other side may have sent one.
  return [error.replaceAll('\0', ' ').slice(0, MAX_ERROR_CHARS).toWellFormed(), status ?? null];
}

function arrayOf(scope: AccountScope): readonly string[] | null {
  return scope === 'ALL' ? null : scope;
}
