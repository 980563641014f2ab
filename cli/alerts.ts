import type { Installation } from '#cli/installation';
import { openWebhookSample, webhookCheck } from '#cli/webhooks';
import { ALERT_LIMITS } from '#domain/alerts';
import { Doorbell } from '#journal/append/doorbell';
import type { OpenJournal } from '#journal/journal';
import type { Shutdown } from '#platform/shutdown';
import { ALERTS_CHANNEL, AlertsProjection } from '#projections/alerts/alerts-projection';
import { askedJournal } from '#projections/alerts/asked-journal';
import { DeliveryStore } from '#projections/alerts/deliveries/store';
import { MatchStore } from '#projections/alerts/matches/store';
import { AlertStore } from '#projections/alerts/store';
import type { Eraser } from '#workers/jobs/erase-account';

/** A slice is looked at in one go, and meanwhile no alert can be put. */
const PACE = { slice: 2_000 };

/** What the api needs to put alerts and to read what they have raised. */
export function alertDesk(installation: Installation, shutdown: Shutdown) {
  const { config, pool, journalDeps } = installation;
  return {
    store: new AlertStore(pool),
    keys: journalDeps.keys,
    outbound: webhookCheck(config),
    deliveries: { store: new DeliveryStore(pool), sample: openWebhookSample(installation, shutdown) },
    limits: ALERT_LIMITS,
  };
}

/** The writing side, for the worker that has the lease, and the journal as it reads it. */
export function openAlertsProjection({ pool, journalDeps, log }: Installation, journal: OpenJournal) {
  const store = new MatchStore(pool);
  const bell = new Doorbell(
    journalDeps.pubsub,
    (error) =>
      log.warn({ err: error }, 'nobody could be told that alerts were raised; they look by themselves'),
    ALERTS_CHANNEL,
  );
  const projection = new AlertsProjection({ store, ring: (next) => bell.ring(next), now: Date.now });
  return { projection, journal: askedJournal(journal, store), pace: PACE };
}

/** In whatever worker the erasure runs: it need not be the one that moves the projection. */
export function alertsEraser({ pool }: Installation): Eraser {
  const store = new MatchStore(pool);
  return { name: 'alerts', erase: (scope) => store.erase(scope) };
}
