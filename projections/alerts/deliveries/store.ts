import type { DeliveryState } from '#domain/alerts';
import type { Pool } from '#platform/db';
import type { AlertSlice, Delivery, DueDelivery } from '#projections/alerts/alert-row';
import {
  toDelivery,
  toWebhook,
  type AlertRecord,
  type DeliveryRecord,
  type MatchRecord,
} from '#projections/alerts/rows';
import type { AccountScope } from '#projections/history/history-index';

/** For how long a claim holds. */
export interface Claim {
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

type DueRecord = DeliveryRecord &
  Pick<AlertRecord, 'name' | 'description' | 'webhook_url' | 'webhook_secret'> &
  Pick<MatchRecord, 'suppressed'>;

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

  /** Alerts that something is due of, the longest due first. */
  async dueAlerts(now: Date): Promise<readonly string[]> {
    const { rows } = await this.#pool.query<{ readonly id: string }>(
      `SELECT a.id FROM alert AS a CROSS JOIN LATERAL (
         SELECT next_attempt_at FROM alert_delivery
         WHERE alert = a.id AND state = 'PENDING' ORDER BY next_attempt_at LIMIT 1
       ) AS d
       WHERE a.webhook_url IS NOT NULL AND d.next_attempt_at <= $1 ORDER BY d.next_attempt_at`,
      [now],
    );
    return rows.map(({ id }) => id);
  }

  /** Claims so many of each alert, the longest due first; each claim is an attempt. No two claims overlap. */
  async claim(allowed: ReadonlyMap<string, number>, { now, until }: Claim): Promise<readonly DueDelivery[]> {
    const { rows } = await this.#pool.query<DueRecord>(
      `WITH due AS (
         SELECT d.id, a.name, a.description, a.webhook_url, a.webhook_secret
         FROM unnest($1::uuid[], $2::integer[]) AS allowed (alert, count)
         JOIN alert AS a ON a.id = allowed.alert CROSS JOIN LATERAL (
           SELECT id FROM alert_delivery
           WHERE alert = a.id AND state = 'PENDING' AND next_attempt_at <= $3
           ORDER BY next_attempt_at LIMIT allowed.count FOR UPDATE SKIP LOCKED
         ) AS d
         WHERE a.webhook_url IS NOT NULL
       )
       UPDATE alert_delivery AS d SET attempts = attempts + 1, claims = claims + 1, next_attempt_at = $4
       FROM due WHERE d.id = due.id
       RETURNING d.*, due.name, due.description, due.webhook_url, due.webhook_secret, coalesce(
         (SELECT m.suppressed FROM alert_match AS m
          WHERE m.alert = d.alert AND m.epoch = d.epoch AND m.position = d.position), 0) AS suppressed`,
      [[...allowed.keys()], [...allowed.values()], now, until],
    );
    return rows.flatMap((row) => {
      const webhook = toWebhook(row);
      if (webhook === undefined) return [];
      const { name: alertName, description: alertDescription } = row;
      return [
        { ...toDelivery(row), alertName, alertDescription, suppressed: Number(row.suppressed), webhook },
      ];
    });
  }

  /** Nothing was sent: the attempt does not count, and it is due then. */
  release(of: Pick<Delivery, 'id' | 'claims'>, at: Date): Promise<boolean> {
    return this.#end('attempts = greatest(attempts - 1, 0), next_attempt_at = $3', of, [at]);
  }

  /** Its event is gone. */
  async remove({ id }: Pick<Delivery, 'id'>): Promise<void> {
    await this.#pool.query('DELETE FROM alert_delivery WHERE id = $1', [id]);
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

  async list(
    { alert, state }: { readonly alert: string; readonly state: DeliveryState | undefined },
    { direction, cursor, limit }: AlertSlice,
  ): Promise<readonly Delivery[]> {
    const [than, order] = direction === 'forward' ? ['<', 'DESC'] : ['>', 'ASC'];
    const { rows } = await this.#pool.query<DeliveryRecord>(
      `SELECT * FROM alert_delivery
       WHERE alert = $1 AND ($2::text IS NULL OR state = $2)
         AND ($3::timestamptz IS NULL OR (created_at, id) ${than} ($3, $4::uuid))
       ORDER BY created_at ${order}, id ${order} LIMIT $5`,
      [alert, state ?? null, cursor?.createdAt ?? null, cursor?.id ?? null, limit],
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

  /** The same for all that are DEAD of one alert; how many. */
  async sendAllAgain(alert: string, now: Date): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `UPDATE alert_delivery AS d SET state = 'PENDING', attempts = 0, next_attempt_at = $2
       FROM alert AS a WHERE d.alert = $1 AND d.state = 'DEAD' AND a.id = d.alert AND a.webhook_url IS NOT NULL`,
      [alert, now],
    );
    return rowCount ?? 0;
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
