import { randomUUID } from 'node:crypto';
import { ALERT_LIMITS } from '#domain/alerts';
import type { Place } from '#journal/types';
import type { Pool } from '#platform/db';
import type { AlertRow } from '#projections/alerts/alert-row';
import { AlertStore, type AlertToPut } from '#projections/alerts/store';

const START: Place = { epoch: 0, position: 0 };

/** Puts an alert as an administrator of all accounts would, from the first event on unless told otherwise. */
export async function putAlert(
  pool: Pool,
  of: Partial<AlertToPut> & { readonly name: string },
): Promise<AlertRow> {
  const store = new AlertStore(pool);
  const scope = of.scope ?? 'ALL';
  const known = await store.findByName(scope, of.name);
  const alert: AlertToPut = {
    id: known?.id ?? randomUUID(),
    scope,
    description: '',
    filter: '{}',
    throttleSeconds: 0,
    putBy: 'test',
    head: START,
    webhook: undefined,
    ...of,
  };
  return store.put(alert, ALERT_LIMITS);
}

interface DumpedMatch {
  readonly alert: string;
  readonly place: string;
  readonly account: string;
  readonly time: string;
  readonly received: Date;
  readonly suppressed: string;
  readonly last: Date | null;
  readonly delivery: string | null;
}

/** All that is kept of matches, in the order of the journal; of deliveries their states. */
export async function matchesIn(pool: Pool): Promise<readonly DumpedMatch[]> {
  const { rows } = await pool.query<DumpedMatch>(
    `SELECT a.name AS alert, m.epoch || '/' || m.position AS place, m.account, m.event_time AS time,
       m.received_at AS received, m.suppressed, m.last_suppressed_at AS last, d.state AS delivery
     FROM alert_match AS m JOIN alert AS a ON a.id = m.alert
       LEFT JOIN alert_delivery AS d ON (d.alert, d.epoch, d.position) = (m.alert, m.epoch, m.position)
     ORDER BY m.epoch, m.position, a.name`,
  );
  return rows;
}
