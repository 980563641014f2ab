import { Migration } from '@mikro-orm/migrations';

/** Files of events that people asked for (projections/export/store.ts). */
export class Exports extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE event_export (
        id text PRIMARY KEY,
        created_by text NOT NULL,
        scope text[],
        accounts text[],
        from_time bigint,
        filter text NOT NULL,
        order_by text NOT NULL,
        format text NOT NULL,
        columns text[] NOT NULL,
        compression text NOT NULL,
        state text NOT NULL CHECK (state IN
          ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'EXPIRED', 'ERASED')),
        error text,
        generation integer NOT NULL DEFAULT 0,
        snapshot_epoch integer,
        snapshot_position bigint,
        total bigint,
        row_count bigint NOT NULL DEFAULT 0,
        byte_count bigint NOT NULL DEFAULT 0,
        part_count integer NOT NULL DEFAULT 0,
        complete boolean NOT NULL DEFAULT false,
        cursor_second bigint,
        cursor_position bigint,
        first_time bigint,
        last_time bigint,
        sha256 text,
        statement text,
        removed boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        expires_at timestamptz
      )`);
    this.addSql(`CREATE INDEX event_export_created ON event_export (created_at, id)`);
    this.addSql(`CREATE INDEX event_export_there ON event_export (state) WHERE NOT removed`);
    this.addSql(`
      CREATE TABLE event_export_part (
        export text NOT NULL,
        part integer NOT NULL,
        object text NOT NULL,
        byte_start bigint NOT NULL,
        byte_count bigint NOT NULL,
        PRIMARY KEY (export, part)
      )`);
    this.addSql(`
      CREATE TABLE event_export_account (
        export text NOT NULL,
        account text NOT NULL,
        first_time bigint NOT NULL,
        PRIMARY KEY (export, account)
      )`);
    this.addSql(`CREATE INDEX event_export_of_account ON event_export_account (account)`);
  }

  override down(): void {
    this.addSql('DROP TABLE event_export_account');
    this.addSql('DROP TABLE event_export_part');
    this.addSql('DROP TABLE event_export');
  }
}
