import { Migration } from '@mikro-orm/migrations';

/** Tickets for one stream each (subgraphs/organization/stream-tickets.ts). */
export class StreamTickets extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE stream_ticket (
        hash bytea PRIMARY KEY CHECK (length(hash) = 32),
        key_id text NOT NULL,
        expires_at timestamptz NOT NULL
      )`);
    this.addSql('CREATE INDEX stream_ticket_expiry ON stream_ticket (expires_at)');
  }

  override down(): void {
    this.addSql('DROP TABLE stream_ticket');
  }
}
