import { Migration } from '@mikro-orm/migrations';

/** The journal's rows: the head, the unsealed tail, identities, and what can be rebuilt from its objects. */
export class JournalTables extends Migration {
  override up(): void {
    for (const statement of [LOG, TAILS, IDENTITIES, KEYS, SEALED, KEY_PARTITION, COMMIT, COUNTERS]) {
      this.addSql(statement);
    }
  }
}

/** One row. `batches`: how many were committed, which numbers the tail's rows; `tail`: the table that grows. */
const LOG = `
CREATE TABLE journal_log (
  single boolean PRIMARY KEY DEFAULT true CHECK (single),
  log uuid NOT NULL,
  epoch integer NOT NULL,
  position bigint NOT NULL,
  batches bigint NOT NULL,
  chain bytea NOT NULL CHECK (length(chain) = 32),
  received_at bigint NOT NULL,
  erasures bigint NOT NULL DEFAULT 0,
  tail smallint NOT NULL DEFAULT 0 CHECK (tail IN (0, 1))
) WITH (fillfactor = 10)`;

/** Two tables that take turns: a full one is truncated, because vacuum gives nothing back under a snapshot. */
const TAILS = [0, 1]
  .map(
    (turn) => `
CREATE TABLE journal_tail_${turn} (
  number bigint PRIMARY KEY,
  first bigint NOT NULL,
  epoch integer NOT NULL,
  count integer NOT NULL,
  batch uuid NOT NULL,
  received_at bigint NOT NULL,
  chain bytea NOT NULL,
  ledger jsonb NOT NULL,
  payload bytea NOT NULL
);
ALTER TABLE journal_tail_${turn} ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX ON journal_tail_${turn} (first);`,
  )
  .join('\n');

/** Columns from wide to narrow: no padding. */
const IDENTITIES = `
CREATE TABLE journal_batch (
  batch uuid PRIMARY KEY,
  first bigint NOT NULL,
  epoch integer NOT NULL,
  count integer NOT NULL
);
CREATE TABLE journal_key (
  account bigint NOT NULL,
  hash bigint NOT NULL,
  key uuid NOT NULL,
  batch uuid NOT NULL,
  hour integer NOT NULL,
  index integer NOT NULL,
  PRIMARY KEY (hour, key)
) PARTITION BY RANGE (hour)`;

const KEYS = `
CREATE TABLE journal_data_key (
  id uuid PRIMARY KEY,
  account bigint NOT NULL,
  month integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  destroyed_at timestamptz,
  erasure bigint
);
CREATE UNIQUE INDEX ON journal_data_key (account, month) WHERE destroyed_at IS NULL;
CREATE INDEX ON journal_data_key (erasure) WHERE erasure IS NOT NULL;
CREATE TABLE journal_erasure (
  number bigint PRIMARY KEY,
  account bigint NOT NULL,
  before_month integer NOT NULL,
  up_to bigint NOT NULL,
  epoch integer NOT NULL,
  at bigint NOT NULL,
  sequence bigint
);
CREATE INDEX ON journal_erasure (account);
CREATE INDEX ON journal_erasure (number) WHERE sequence IS NULL`;

const SEALED = `
CREATE TABLE journal_record (
  sequence bigint PRIMARY KEY,
  epoch integer NOT NULL,
  type smallint NOT NULL,
  record bytea NOT NULL,
  leaf bytea NOT NULL,
  first bigint,
  count integer,
  bytes bigint NOT NULL
);
CREATE INDEX ON journal_record (first) WHERE type = 1 AND count > 0;
CREATE INDEX ON journal_record (type, sequence) WHERE type <> 1;
CREATE TABLE journal_counter (
  source text PRIMARY KEY,
  received bigint NOT NULL,
  accepted bigint NOT NULL,
  duplicate bigint NOT NULL,
  conflict bigint NOT NULL,
  refused bigint NOT NULL
);
CREATE TABLE journal_refusal (
  batch uuid NOT NULL,
  index integer NOT NULL,
  source text NOT NULL,
  at bigint NOT NULL,
  code text NOT NULL,
  account bigint NOT NULL,
  month integer NOT NULL,
  epoch integer,
  position bigint,
  sealed bytea NOT NULL,
  PRIMARY KEY (batch, index)
);
CREATE INDEX ON journal_refusal (source, batch, index);
CREATE INDEX ON journal_refusal (account, month)`;

/**
 * A month's partition, made apart and then attached: CREATE TABLE ... PARTITION OF would wait for every open
 * append. The CHECK spares the scan at ATTACH; without a default partition nobody else is locked.
 */
const KEY_PARTITION = `
CREATE FUNCTION journal_make_key_partition(p_month integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  start timestamptz := make_timestamptz(1970 + p_month / 12, 1 + p_month % 12, 1, 0, 0, 0, 'UTC');
  name text := 'journal_key_' || to_char(start AT TIME ZONE 'UTC', 'YYYYMM');
  from_hour integer := (extract(epoch FROM start) / 3600)::integer;
  to_hour integer := (extract(epoch FROM start AT TIME ZONE 'UTC' + interval '1 month') / 3600)::integer;
BEGIN
  PERFORM pg_advisory_xact_lock(x'6a6b6579'::integer);
  IF to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE journal_key INCLUDING ALL, CHECK (hour >= %s AND hour < %s))',
    name, from_hour, to_hour);
  EXECUTE format('ALTER TABLE journal_key ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
    name, from_hour, to_hour);
END $$`;

/**
 * One batch, in one round trip: keys, head, tail row. A key that exists raises unique_violation, a head of
 * another epoch or after an erasure raises CJ001; both leave nothing behind.
 */
const COMMIT = `
CREATE FUNCTION journal_commit(
  p_batch uuid, p_epoch integer, p_erasures bigint, p_count integer,
  p_hours integer[], p_keys uuid[], p_accounts bigint[], p_indexes integer[], p_hashes bigint[],
  p_hash bytea, p_ledger jsonb, p_payload bytea,
  OUT first bigint, OUT received_at bigint
) LANGUAGE plpgsql AS $$
DECLARE
  head journal_log%ROWTYPE;
  next_chain bytea;
BEGIN
  INSERT INTO journal_key (account, hash, key, batch, hour, index)
  SELECT k.account, k.hash, k.key, p_batch, k.hour, k.index
  FROM unnest(p_hours, p_keys, p_accounts, p_indexes, p_hashes) AS k (hour, key, account, index, hash);
  SELECT * INTO head FROM journal_log WHERE epoch = p_epoch AND erasures = p_erasures FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the head has moved to another epoch or erasure' USING ERRCODE = 'CJ001';
  END IF;
  first := head.position;
  received_at := greatest(head.received_at, (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
  next_chain := sha256('\\x13'::bytea || head.chain || p_hash || int8send(first) || int8send(received_at));
  IF head.tail = 0 THEN
    INSERT INTO journal_tail_0
    VALUES (head.batches, first, p_epoch, p_count, p_batch, received_at, next_chain, p_ledger, p_payload);
  ELSE
    INSERT INTO journal_tail_1
    VALUES (head.batches, first, p_epoch, p_count, p_batch, received_at, next_chain, p_ledger, p_payload);
  END IF;
  INSERT INTO journal_batch VALUES (p_batch, first, p_epoch, p_count);
  UPDATE journal_log SET position = head.position + p_count, batches = head.batches + 1, chain = next_chain,
    received_at = journal_commit.received_at;
END $$`;

/** Locks both tails against TRUNCATE, which is not seen by snapshots, before it takes the one to read with. */
const COUNTERS = `
CREATE FUNCTION journal_counters() RETURNS SETOF journal_counter LANGUAGE plpgsql AS $$
BEGIN
  LOCK TABLE journal_tail_0, journal_tail_1 IN ACCESS SHARE MODE;
  RETURN QUERY
  SELECT c.source, sum(c.received)::bigint, sum(c.accepted)::bigint, sum(c.duplicate)::bigint,
    sum(c.conflict)::bigint, sum(c.refused)::bigint
  FROM (
    SELECT * FROM journal_counter
    UNION ALL
    SELECT line.* FROM journal_tail_0 AS t, jsonb_populate_recordset(NULL::journal_counter, t.ledger) AS line
    UNION ALL
    SELECT line.* FROM journal_tail_1 AS t, jsonb_populate_recordset(NULL::journal_counter, t.ledger) AS line
  ) AS c
  GROUP BY c.source ORDER BY c.source;
END $$`;
