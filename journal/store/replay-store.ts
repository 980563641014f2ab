import type { Entries } from '#journal/format/batch';
import { hourOf } from '#journal/format/identity';
import { monthOf } from '#journal/format/month';
import { int4Array, int8Array, int8ArrayOfBytes, uuidArray } from '#journal/store/binary-array';
import type { PoolClient } from '#platform/db';

/** Identities inserted by one statement. */
const KEYS_AT_ONCE = 20_000;

/** A sealed batch with the entries of its events. */
export interface SealedEntries {
  readonly id: Buffer;
  readonly first: number;
  readonly epoch: number;
  readonly entries: Entries;
}

/** A data key as objects tell of it. */
export interface KnownDataKey {
  readonly id: Buffer;
  readonly account: number;
  readonly month: number;
}

/** The head as a log's objects give it. */
export interface ReplayedHead {
  readonly log: Buffer;
  readonly epoch: number;
  readonly position: number;
  readonly chain: Buffer;
  readonly receivedAt: number;
}

/** Begins the head's row; false when there is one. */
export async function createHead(client: PoolClient, head: ReplayedHead): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO journal_log (log, epoch, position, batches, chain, received_at)
     VALUES ($1::uuid, $2, $3, 0, $4, $5) ON CONFLICT DO NOTHING`,
    [head.log.toString('hex'), head.epoch, head.position, head.chain, head.receivedAt],
  );
  return rowCount === 1;
}

/** Sets the head where a segment or an epoch ends; times of receipt never go backwards. */
export async function moveHead(client: PoolClient, head: Omit<ReplayedHead, 'log'>): Promise<void> {
  await client.query(
    `UPDATE journal_log SET epoch = $1, position = $2, chain = $3, received_at = greatest(received_at, $4),
       batches = greatest(batches, (SELECT count(*) FROM journal_batch))`,
    [head.epoch, head.position, head.chain, head.receivedAt],
  );
}

/** No chain ever has this value: the head leads nowhere until an epoch begins. */
export const UNKNOWN_CHAIN: Buffer = Buffer.alloc(32, 0xff);

/** A crash before the epoch has begun must not let the next start take the sealed end for the end. */
export async function markEndUnknown(client: Pick<PoolClient, 'query'>): Promise<void> {
  await client.query('UPDATE journal_log SET chain = $1', [UNKNOWN_CHAIN]);
}

/** Partitions are made in transactions of their own, before the rows that need them. */
export async function makePartitions(client: PoolClient, entries: Entries): Promise<void> {
  const months = new Set<number>();
  for (let index = 0; index < entries.count; index++) months.add(monthOf(entries.eventTime(index)));
  for (const month of months) await client.query('SELECT journal_make_key_partition($1)', [month]);
}

/** Rows of a segment's batches and identities; those that are there stay. */
export async function insertBatches(client: PoolClient, batches: readonly SealedEntries[]): Promise<void> {
  await client.query(
    `INSERT INTO journal_batch (batch, first, epoch, count)
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[], $4::integer[]) ON CONFLICT DO NOTHING`,
    [
      uuidArray(Buffer.concat(batches.map(({ id }) => id))),
      int8Array(batches.map(({ first }) => first)),
      int4Array(batches.map(({ epoch }) => epoch)),
      int4Array(batches.map(({ entries }) => entries.count)),
    ],
  );
  let rows = new KeyRows();
  for (const { id, entries } of batches) {
    for (let index = 0; index < entries.count; index++) {
      rows.add(id, entries, index);
      if (rows.length < KEYS_AT_ONCE) continue;
      await rows.insert(client);
      rows = new KeyRows();
    }
  }
  await rows.insert(client);
}

class KeyRows {
  readonly #accounts: number[] = [];
  readonly #hashes: Buffer[] = [];
  readonly #keys: Buffer[] = [];
  readonly #batches: Buffer[] = [];
  readonly #hours: number[] = [];
  readonly #indexes: number[] = [];

  get length(): number {
    return this.#hours.length;
  }

  add(batch: Buffer, entries: Entries, index: number): void {
    this.#accounts.push(entries.account(index));
    this.#hashes.push(entries.contentHash(index));
    this.#keys.push(entries.identityKey(index));
    this.#batches.push(batch);
    this.#hours.push(hourOf(entries.eventTime(index)));
    this.#indexes.push(index);
  }

  async insert(client: PoolClient): Promise<void> {
    if (this.length === 0) return;
    await client.query(
      `INSERT INTO journal_key (account, hash, key, batch, hour, index)
       SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::uuid[], $5::integer[], $6::integer[])
       ON CONFLICT DO NOTHING`,
      [
        int8Array(this.#accounts),
        int8ArrayOfBytes(Buffer.concat(this.#hashes)),
        uuidArray(Buffer.concat(this.#keys)),
        uuidArray(Buffer.concat(this.#batches)),
        int4Array(this.#hours),
        int4Array(this.#indexes),
      ],
    );
  }
}

/** Rows of data keys that are alive; those that are there stay. */
export async function insertDataKeys(client: PoolClient, keys: readonly KnownDataKey[]): Promise<void> {
  if (keys.length === 0) return;
  await client.query(
    `INSERT INTO journal_data_key (id, account, month)
     SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::integer[]) ON CONFLICT DO NOTHING`,
    [
      uuidArray(Buffer.concat(keys.map((key) => key.id))),
      int8Array(keys.map((key) => key.account)),
      int4Array(keys.map((key) => key.month)),
    ],
  );
}

/** What an erasure record says, as rows: the erasure, its keys destroyed, the head's counter moved. */
export async function insertErasure(
  client: PoolClient,
  erasure: {
    readonly account: number;
    readonly before: number;
    readonly upTo: number;
    readonly epoch: number;
    readonly at: number;
    readonly sequence: number;
  },
  keys: readonly KnownDataKey[],
): Promise<void> {
  const { account, before, upTo, epoch, at, sequence } = erasure;
  const { rows } = await client.query<{ number: string }>(
    `UPDATE journal_erasure SET sequence = $4
     WHERE account = $1 AND before_month = $2 AND up_to = $3 AND (sequence IS NULL OR sequence = $4)
     RETURNING number`,
    [account, before, upTo, sequence],
  );
  let number = rows[0]?.number;
  if (number === undefined) {
    const moved = await client.query<{ number: string }>(
      'UPDATE journal_log SET erasures = erasures + 1 RETURNING erasures AS number',
    );
    number = moved.rows[0]?.number;
    await client.query('INSERT INTO journal_erasure VALUES ($1, $2, $3, $4, $5, $6, $7)', [
      number,
      account,
      before,
      upTo,
      epoch,
      at,
      sequence,
    ]);
  }
  await client.query(
    `INSERT INTO journal_data_key (id, account, month, destroyed_at, erasure)
     SELECT k.id, k.account, k.month, now(), $4
     FROM unnest($1::uuid[], $2::bigint[], $3::integer[]) AS k (id, account, month)
     ON CONFLICT (id) DO UPDATE SET destroyed_at = coalesce(journal_data_key.destroyed_at, now()), erasure = $4`,
    [
      uuidArray(Buffer.concat(keys.map((key) => key.id))),
      int8Array(keys.map((key) => key.account)),
      int4Array(keys.map((key) => key.month)),
      number,
    ],
  );
}

/** Whether the erasure was decided here and only lacks its record. */
export async function isPendingErasure(
  client: PoolClient,
  erasure: { readonly account: number; readonly before: number; readonly upTo: number },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT 1 FROM journal_erasure
     WHERE account = $1 AND before_month = $2 AND up_to = $3 AND sequence IS NULL`,
    [erasure.account, erasure.before, erasure.upTo],
  );
  return rowCount !== 0;
}

/** The sequence of the erasure's record; undefined when it is not written yet, or not known. */
export async function recordOfErasure(
  client: PoolClient,
  erasure: { readonly account: number; readonly before: number; readonly upTo: number },
): Promise<number | undefined> {
  const { rows } = await client.query<{ sequence: string }>(
    `SELECT sequence FROM journal_erasure
     WHERE account = $1 AND before_month = $2 AND up_to = $3 AND sequence IS NOT NULL LIMIT 1`,
    [erasure.account, erasure.before, erasure.upTo],
  );
  return rows[0] === undefined ? undefined : Number(rows[0].sequence);
}

/** A row of the tail without its payload. */
export interface TailLink {
  readonly number: number;
  readonly epoch: number;
  readonly first: number;
  readonly count: number;
  readonly batch: Buffer;
  readonly chain: Buffer;
}

/** The head and both tail tables, in order and without the payloads, as one statement sees them. */
export async function tailLinks(
  client: PoolClient,
): Promise<{ readonly position: number; readonly chain: Buffer; readonly links: readonly TailLink[] }> {
  const columns = 'number, epoch, first, count, uuid_send(batch) AS batch, chain';
  const { rows } = await client.query<{
    position: string;
    head: Buffer;
    number: string | null;
    epoch: number;
    first: string;
    count: number;
    batch: Buffer;
    chain: Buffer;
  }>(
    `SELECT l.position, l.chain AS head, t.* FROM journal_log AS l LEFT JOIN (
       SELECT ${columns} FROM journal_tail_0 UNION ALL SELECT ${columns} FROM journal_tail_1
     ) AS t ON true ORDER BY t.number`,
  );
  const links = rows.flatMap(({ number, first, epoch, count, batch, chain }) => {
    const row = { number: Number(number), epoch, first: Number(first), count, batch, chain };
    return number === null ? [] : [row];
  });
  return { position: Number(rows[0]?.position), chain: rows[0]?.head ?? Buffer.alloc(32), links };
}

export async function deleteTailRows(client: PoolClient, numbers: readonly number[]): Promise<void> {
  for (const table of [0, 1]) {
    await client.query(`DELETE FROM journal_tail_${table} WHERE number = ANY ($1::bigint[])`, [
      numbers.map(String),
    ]);
  }
}

/** Moves all of the tail into an epoch that has no record yet: what a restore kept begins it. */
export async function moveTailToEpoch(client: PoolClient, epoch: number): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const table of [0, 1]) {
      await client.query(
        `UPDATE journal_batch SET epoch = $1 FROM journal_tail_${table} AS t
         WHERE journal_batch.batch = t.batch`,
        [epoch],
      );
      await client.query(`UPDATE journal_tail_${table} SET epoch = $1`, [epoch]);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

/**
 * Forgets batches from `position` on, but those of `kept` (of that epoch, and before that position): their events
 * are lost and may come again. Returns how many events. Batches without events at `position` itself stay: the
 * newest segment may hold them, and nothing hangs on the others.
 */
export async function forgetFrom(
  client: PoolClient,
  {
    position,
    kept,
  }: {
    readonly position: number;
    readonly kept: { readonly epoch: number; readonly before: number };
  },
): Promise<number> {
  const lost = `(first > $1 OR (first = $1 AND count > 0)) AND NOT (epoch = $2 AND first < $3)`;
  await client.query(
    `DELETE FROM journal_key USING (SELECT batch FROM journal_batch WHERE ${lost}) AS gone
     WHERE journal_key.batch = gone.batch`,
    [position, kept.epoch, kept.before],
  );
  const { rows } = await client.query<{ events: string }>(
    `WITH gone AS (DELETE FROM journal_batch WHERE ${lost} RETURNING count)
     SELECT coalesce(sum(count), 0) AS events FROM gone`,
    [position, kept.epoch, kept.before],
  );
  return Number(rows[0]?.events);
}
