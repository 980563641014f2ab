import { Migration } from '@mikro-orm/migrations';

/** Alerts, what they have found, and what is to be sent of it (projections/alerts/). */
export class Alerts extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE alert (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        scope text[],
        scope_key text NOT NULL,
        description text NOT NULL,
        filter text NOT NULL,
        throttle_seconds integer NOT NULL,
        from_epoch integer NOT NULL,
        from_position bigint NOT NULL,
        webhook_url text,
        webhook_secret bytea,
        raised bigint NOT NULL DEFAULT 0,
        dropped bigint NOT NULL DEFAULT 0,
        put_by text NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        UNIQUE (scope_key, name)
      )`);
    this.addSql(`CREATE INDEX alert_created ON alert (created_at, id)`);
    this.addSql(`
      CREATE TABLE alert_match (
        alert uuid NOT NULL,
        epoch integer NOT NULL,
        position bigint NOT NULL,
        number bigint NOT NULL,
        account text NOT NULL,
        event_time bigint NOT NULL,
        received_at timestamptz NOT NULL,
        matched_at timestamptz NOT NULL,
        suppressed bigint NOT NULL DEFAULT 0,
        last_suppressed_at timestamptz,
        PRIMARY KEY (alert, epoch, position)
      )`);
    this.addSql(`CREATE INDEX alert_match_place ON alert_match (epoch, position, alert)`);
    this.addSql(`CREATE INDEX alert_match_number ON alert_match (alert, number)`);
    this.addSql(`CREATE INDEX alert_match_account ON alert_match (account, alert, epoch, position)`);
    this.addSql(`CREATE INDEX alert_match_received ON alert_match (received_at)`);
    this.addSql(`
      CREATE TABLE alert_cursor (
        singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
        epoch integer NOT NULL DEFAULT 0,
        position bigint NOT NULL DEFAULT 0,
        told_epoch integer NOT NULL DEFAULT 0,
        told_position bigint NOT NULL DEFAULT 0,
        revision bigint NOT NULL DEFAULT 0,
        erasures bigint NOT NULL DEFAULT 0
      )`);
    // There is no alert yet that what lies before could concern.
    this.addSql(`
      INSERT INTO alert_cursor (epoch, position, told_epoch, told_position)
      SELECT epoch, position, epoch, position
      FROM (SELECT coalesce(max(epoch), 0) AS epoch, coalesce(max(position), 0) AS position FROM journal_log) AS log`);
    this.addSql(`
      CREATE TABLE alert_delivery (
        id uuid PRIMARY KEY,
        alert uuid NOT NULL,
        epoch integer NOT NULL,
        position bigint NOT NULL,
        account text NOT NULL,
        event_time bigint NOT NULL,
        received_at timestamptz NOT NULL,
        state text NOT NULL DEFAULT 'PENDING' CHECK (state IN ('PENDING', 'DELIVERED', 'DEAD')),
        attempts integer NOT NULL DEFAULT 0,
        claims integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL,
        last_error text,
        last_status integer,
        created_at timestamptz NOT NULL,
        delivered_at timestamptz,
        UNIQUE (alert, epoch, position)
      )`);
    this.addSql(
      `CREATE INDEX alert_delivery_due ON alert_delivery (alert, next_attempt_at) WHERE state = 'PENDING'`,
    );
    this.addSql(`CREATE INDEX alert_delivery_dead ON alert_delivery (created_at, id) WHERE state = 'DEAD'`);
    this.addSql(`CREATE INDEX alert_delivery_account ON alert_delivery (account)`);
    this.addSql(`CREATE INDEX alert_delivery_received ON alert_delivery (received_at)`);
  }

  override down(): void {
    this.addSql('DROP TABLE alert_delivery');
    this.addSql('DROP TABLE alert_cursor');
    this.addSql('DROP TABLE alert_match');
    this.addSql('DROP TABLE alert');
  }
}
