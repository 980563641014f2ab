import { ALERT_LIMITS } from '#domain/alerts';
import { createPool } from '#platform/db';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { AlertStore } from '#projections/alerts/store';
import type { EventsDependencies } from '#subgraphs/events/service';

const pool = createPool('postgres://127.0.0.1:1/none');

/** For tests that have no database and put no alert: every one would be refused a connection. */
export const noAlerts: EventsDependencies['alerts'] = {
  store: new AlertStore(pool),
  keys: { wrap: () => Promise.reject(new Error('no alerts here')) },
  outbound: { check: () => Promise.reject(new Error('no alerts here')) },
  deliveries: { store: new DeliveryStore(pool), sample: { send: () => Promise.resolve(undefined) } },
  limits: ALERT_LIMITS,
};
