import { Migration } from '@mikro-orm/migrations';

/** Accounts and API keys (subgraphs/organization/store.ts). The installation's own account is always there. */
export class Organization extends Migration {
  override up(): void {
    this.addSql(`
      CREATE TABLE account (
        id text COLLATE "C" PRIMARY KEY CHECK (id ~ '^[0-9]{12}$'),
        name text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        retention_months integer CHECK (retention_months > 0),
        history_days integer CHECK (history_days > 0)
      )`);
    this.addSql(`INSERT INTO account (id, name) VALUES ('000000000000', 'Installation')`);
    this.addSql(`
      CREATE TABLE api_key (
        id text COLLATE "C" PRIMARY KEY,
        name text NOT NULL,
        role text NOT NULL CHECK (role IN ('administrator', 'auditor', 'ingest')),
        accounts text[],
        secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
        created_at timestamptz NOT NULL DEFAULT now(),
        created_by text,
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz
      )`);
    this.addSql(`COMMENT ON COLUMN api_key.accounts IS 'NULL: all accounts'`);
  }

  override down(): void {
    this.addSql('DROP TABLE api_key');
    this.addSql('DROP TABLE account');
  }
}
