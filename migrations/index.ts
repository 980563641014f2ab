import type { Migration } from '@mikro-orm/migrations';
import type { Constructor } from '@mikro-orm/core';

/** A step of the database's shape. Names are `<yyyymmddhhmm>-<what>`: the order is that of this list. */
interface NamedMigration {
  readonly name: string;
  readonly class: Constructor<Migration>;
}

/**
 * Every migration, oldest first. Listed and not globbed, so that the built product, vitest and a bundle all
 * run the same ones. Append only: one that has run somewhere is never changed or moved.
 */
export const MIGRATIONS: readonly NamedMigration[] = [];
