import type { Migration } from '@mikro-orm/migrations';
import type { Constructor } from '@mikro-orm/core';

import { JobRuns } from '#migrations/202611230150-job-runs';
import { Organization } from '#migrations/202611230151-organization';
import { JournalTables } from '#migrations/202611230200-journal';
import { Exports } from '#migrations/202611230500-exports';
import { StreamTickets } from '#migrations/202611230545-stream-tickets';
import { Alerts } from '#migrations/202611291100-alerts';
import { OwnEvents } from '#migrations/202611291110-own-events';
import { AlertDeliveries } from '#migrations/202611291110-alert-deliveries';

/** A step of the database's shape. Names are `<yyyymmddhhmm>-<what>`: the order is that of this list. */
interface NamedMigration {
  readonly name: string;
  readonly class: Constructor<Migration>;
}

/**
 * Every migration, oldest first. Listed and not globbed, so that the built product, vitest and a bundle all
 * run the same ones. Append only: one that has run somewhere is never changed or moved.
 */
export const MIGRATIONS: readonly NamedMigration[] = [
  { name: '202611230150-job-runs', class: JobRuns },
  { name: '202611230151-organization', class: Organization },
  { name: '202611230200-journal', class: JournalTables },
  { name: '202611230500-exports', class: Exports },
  { name: '202611230545-stream-tickets', class: StreamTickets },
  { name: '202611291100-alerts', class: Alerts },
  { name: '202611291110-own-events', class: OwnEvents },
  { name: '202611291110-alert-deliveries', class: AlertDeliveries },
];
