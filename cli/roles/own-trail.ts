import { Gauge } from 'prom-client';
import { OWN_TRAIL_CHANNEL, type OwnTrailOffice, ownLife } from '#cli/own-trail';
import type { Ground } from '#cli/roles/ground';
import { once } from '#cli/roles/once';
import { RELEASE } from '#cli/version';
import type { OpenJournal } from '#journal/journal';
import { OwnTrailDrain } from '#journal/own-trail/drain';
import type { Pool } from '#platform/db';
import { seldom } from '#platform/seldom';
import { STAGE } from '#platform/shutdown';

/** Milliseconds that its last words may take when a process ends. */
const LAST_WORDS_MS = 5_000;
/** What waits longer is not in order: no worker runs, or the journal takes nothing. */
const LATE_MS = 60_000;

/** Tells that this process has begun, and when it ends; answers how to end. */
export async function tellOwnLife(
  ground: Ground,
  office: OwnTrailOffice,
  pool: Pool,
): Promise<() => Promise<void>> {
  const { base, shutdown, lesserChecks } = ground;
  const { config, log, name, telemetry } = base;
  const life = ownLife(office, { pool, name, config, log, version: RELEASE });
  const end = once(async () => {
    await office.recorder.close();
    await life.end();
  });
  shutdown.add({ name: 'own trail', stage: STAGE.rest, timeout: LAST_WORDS_MS, run: end });
  await life.begin();
  lesserChecks['own trail'] = async () => {
    const { events, oldestMs } = await office.store.waiting();
    if (oldestMs > LATE_MS) {
      throw new Error(
        `${events} events of Cairn’s own wait, the oldest for ${Math.round(oldestMs / 1_000)} s.`,
      );
    }
  };
  new Gauge({
    name: 'cairn_own_events_waiting',
    help: 'Events of Cairn’s own that are not in the journal yet.',
    registers: [telemetry.metrics],
    async collect() {
      this.set(
        await office.store.waiting().then(
          ({ events }) => events,
          () => Number.NaN,
        ),
      );
    },
  });
  return end;
}

/** The worker's part: what waits goes into the journal, in order. Answers how to end. */
export async function drainOwnTrail(ground: Ground, journal: OpenJournal): Promise<() => Promise<void>> {
  const { log } = ground.base;
  const { ownTrail, journalDeps } = await ground.installation();
  const onError = seldom((error) => log.warn({ err: error }, 'events of Cairn’s own wait'));
  const drain = new OwnTrailDrain({ store: ownTrail.store, journal, onError });
  const unlisten = await journalDeps.pubsub.subscribe(OWN_TRAIL_CHANNEL, () => drain.ring());
  drain.start();
  return once(async () => {
    await unlisten();
    await drain.stop();
  });
}
