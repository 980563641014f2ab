import { Counter, Gauge } from 'prom-client';
import { CairnError } from '#domain/errors';
import type { Installation } from '#cli/installation';
import type { OpenJournal } from '#journal/journal';
import { tailState } from '#journal/store/seal-store';
import { DELIVERY_ENDS, type DeliveryEnd } from '#projections/alerts/deliveries/deliver';
import type { DeliveryStore } from '#projections/alerts/deliveries/store';
import type { HistoryIndex } from '#projections/history/history-index';
import type { PutBack } from '#workers/jobs/keep-schedules';
import type { Projector } from '#workers/project';

type Read = () => Promise<number> | number;

/** A database that takes questions and never answers must not keep back the figures that tell of it. */
const FIGURE_MS = 2_000;

/** Figures of the journal and of its views, read when somebody asks for the metrics. */
export function journalGauges(installation: Installation, journal: OpenJournal, history: HistoryIndex): void {
  const gauge = gaugesOf(installation);
  gauge('cairn_journal_position', 'Events that the journal has accepted.', async () => {
    return (await journal.head()).position;
  });
  gauge('cairn_journal_queue_bytes', 'Raw bytes of events that wait for their commit.', () => journal.load());
  gauge('cairn_journal_tail_batches', 'Batches that are not yet sealed into a segment.', async () => {
    return (await tailState(installation.pool)).size.batches;
  });
  gauge('cairn_history_events_behind', 'Events that event history has not seen yet.', async () => {
    return (await history.freshness()).eventsBehind;
  });
  gauge(
    'cairn_history_seconds_behind',
    'Age of the oldest event that history has not seen yet.',
    async () => {
      return (await history.freshness()).secondsBehind;
    },
  );
  gauge(
    'cairn_history_missing_events',
    'Events that history cannot find, because its index refused them.',
    async () => (await history.refusals()).missing,
  );
  gauge(
    'cairn_history_abridged_events',
    'Events that history finds, but whose parameters its index refused.',
    async () => (await history.refusals()).abridged,
  );
}

/** What the worker knows of the projection that it moves. */
export function projectorGauges(installation: Installation, projector: Projector): void {
  const gauge = gaugesOf(installation);
  const { name } = projector;
  gauge(`cairn_projection_${name}_events_behind`, `Events that ${name} has not applied yet.`, () => {
    return projector.state().eventsBehind;
  });
  gauge(`cairn_projection_${name}_stopped`, `1 while ${name} cannot go on; the log says why.`, () => {
    return projector.state().status === 'STOPPED' ? 1 : 0;
  });
}

/** What the queue had forgotten, which it should not; Redis does when it loses its data. */
export function putBackCounter({ telemetry }: Installation): PutBack {
  const counter = new Counter({
    name: 'cairn_jobs_put_back_total',
    help: 'Runs and schedules that the queue did not know and was given again.',
    labelNames: ['what'],
    registers: [telemetry.metrics],
  });
  for (const what of ['run', 'schedule']) counter.inc({ what }, 0);
  return (what, count) => counter.inc({ what }, count);
}

/** What became of what alerts have found, and what waits to be sent. */
export function deliveryFigures(
  installation: Installation,
  store: Pick<DeliveryStore, 'counts'>,
): (end: DeliveryEnd) => void {
  const gauge = gaugesOf(installation);
  gauge(
    'cairn_alert_deliveries_waiting',
    'Deliveries to webhooks that are to be sent, now or later.',
    async () => {
      return (await store.counts()).pending;
    },
  );
  gauge('cairn_alert_deliveries_dead', 'Deliveries to webhooks that were given up.', async () => {
    return (await store.counts()).dead;
  });
  const counter = new Counter({
    name: 'cairn_alert_delivery_attempts_total',
    help: 'Attempts to send to a webhook, by how they ended.',
    labelNames: ['end'],
    registers: [installation.telemetry.metrics],
  });
  for (const end of DELIVERY_ENDS) counter.inc({ end }, 0);
  return (end) => counter.inc({ end });
}

function gaugesOf({ telemetry, log }: Installation): (name: string, help: string, read: Read) => void {
  const registers = [telemetry.metrics];
  return (name, help, read) => {
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await figure(read, (error) => log.warn({ err: error, metric: name }, 'cannot be read')));
      },
    });
  };
}

/**
 * One figure that cannot be read is not a number; the others are shown all the same. What is not there yet
 * (history while it is built) is no news.
 */
async function figure(read: Read, onError: (error: unknown) => void): Promise<number> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('took too long')), FIGURE_MS);
  try {
    return await Promise.race([read(), late.promise]);
  } catch (error) {
    const expected = error instanceof CairnError && error.code === 'UNAVAILABLE';
    if (!expected) onError(error);
    return Number.NaN;
  } finally {
    clearTimeout(timer);
  }
}
