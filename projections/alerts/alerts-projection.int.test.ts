import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AlertsProjection } from '#projections/alerts/alerts-projection';
import { MatchStore } from '#projections/alerts/matches/store';
import { describeProjection } from '#projections/projection.contract';
import { matchesIn, putAlert } from '#test/alerts-bed';
import { createTestDatabase, temporaryFolder } from '#test/harness';

/** A day after the events of the contract are received. */
const NOW = Date.UTC(2026, 0, 2);
const SECRET = Buffer.alloc(32);

describeProjection('Alerts', async () => {
  const database = await createTestDatabase();
  const { pool } = database;
  const folder = await temporaryFolder();
  await putAlert(pool, { name: 'all', webhook: { url: 'https://example.org/', secret: SECRET } });
  await putAlert(pool, { name: 'some', filter: '{"eventName":{"in":["Do1","Do3"]}}' });
  await putAlert(pool, { name: 'seldom', scope: ['111111111111'], throttleSeconds: 60 });
  return {
    open: () => new AlertsProjection({ store: new MatchStore(pool), ring: () => undefined, now: () => NOW }),
    content: () => matchesIn(pool),
    // No byte of an event is kept: a row of its place is the trace.
    traceOf: ({ place }) => ` ${place.epoch}/${place.position} `,
    folders: async () => {
      const rows = await pool.query<{ readonly row: string }>(
        `SELECT 'match ' || epoch || '/' || position || ' ' AS row FROM alert_match
         UNION ALL SELECT 'delivery ' || epoch || '/' || position || ' ' FROM alert_delivery`,
      );
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'rows'), rows.rows.map(({ row }) => row).join('\n'));
      return [folder];
    },
    remove: async () => {
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
});
