import { Migration } from '@mikro-orm/migrations';

/** What is done to Cairn itself, on its way into the journal (journal/own-trail/), and which processes ran. */
export class OwnEvents extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE own_event (
        id uuid PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('BEGUN', 'READY')),
        number bigint CHECK ((number IS NULL) = (state = 'BEGUN')),
        accounts text[] NOT NULL,
        event_time bigint NOT NULL,
        record text NOT NULL,
        begun_at timestamptz NOT NULL DEFAULT now(),
        ready_at timestamptz
      )`);
    this.addSql('CREATE SEQUENCE own_event_number');
    this.addSql(`CREATE INDEX own_event_ready ON own_event (number) WHERE state = 'READY'`);
    this.addSql(`CREATE INDEX own_event_begun ON own_event (begun_at) WHERE state = 'BEGUN'`);
    this.addSql(`COMMENT ON COLUMN own_event.number IS 'The order in which they became ready'`);
    this.addSql(`
      CREATE TABLE own_process (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        host text NOT NULL,
        pid integer NOT NULL,
        version text NOT NULL,
        settings text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        seen_at timestamptz NOT NULL DEFAULT now(),
        ended_at timestamptz
      )`);
    this.addSql('CREATE INDEX own_process_name ON own_process (name, started_at)');
  }

  override down(): void {
    this.addSql('DROP TABLE own_process');
    this.addSql('DROP TABLE own_event');
    this.addSql('DROP SEQUENCE own_event_number');
  }
}
