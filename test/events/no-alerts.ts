import { ALERT_LIMITS } from '#domain/alerts';
import { createPool } from '#platform/db';
import { AlertStore } from '#projections/alerts/store';
import type { EventsDependencies } from '#subgraphs/events/service';

/** For tests that have no database and put no alert: every one would be refused a connection. */
export const noAlerts: EventsDependencies['alerts'] = {
  store: new AlertStore(createPool('postgres://127.0.0.1:1/none')),
  keys: { wrap: () => Promise.reject(new Error('no alerts here')) },
  outbound: { check: () => Promise.reject(new Error('no alerts here')) },
  limits: ALERT_LIMITS,
};
