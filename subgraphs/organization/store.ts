import { defineEntity, p } from '@mikro-orm/core';
import type { FilterQuery, InferEntity } from '@mikro-orm/core';
import type { SqlEntityManager } from '@mikro-orm/postgresql';
import type { Principal, Role } from '#domain/principal';

export const AccountEntity = defineEntity({
  name: 'Account',
  tableName: 'account',
  properties: {
    id: p.string().primary(),
    name: p.string(),
    createdAt: p.datetime(),
    retentionMonths: p.integer().strictNullable(),
    historyDays: p.integer().strictNullable(),
  },
});

export const ApiKeyEntity = defineEntity({
  name: 'ApiKey',
  tableName: 'api_key',
  properties: {
    id: p.string().primary(),
    name: p.string(),
    role: p.string().$type<Role>(),
    /** Null = all accounts. */
    accounts: p.array().strictNullable(),
    secretHash: p.blob(),
    createdAt: p.datetime(),
    createdBy: p.string().strictNullable(),
    expiresAt: p.datetime().strictNullable(),
    revokedAt: p.datetime().strictNullable(),
    lastUsedAt: p.datetime().strictNullable(),
  },
});

export const StreamTicketEntity = defineEntity({
  name: 'StreamTicket',
  tableName: 'stream_ticket',
  properties: {
    hash: p.blob().primary(),
    keyId: p.string(),
    expiresAt: p.datetime(),
  },
});

/** What createOrm needs to know of this room. */
export const ORGANIZATION_ENTITIES = [AccountEntity, ApiKeyEntity, StreamTicketEntity] as const;

export type Account = Readonly<InferEntity<typeof AccountEntity>>;
export type ApiKey = Readonly<InferEntity<typeof ApiKeyEntity>>;
export type StreamTicketRow = Readonly<InferEntity<typeof StreamTicketEntity>>;

/** A part of a list in the order of its cursors; `after` and `before` are exclusive. */
export interface Slice<Cursor> {
  readonly direction: 'forward' | 'backward';
  readonly cursor: Cursor | undefined;
  readonly limit: number;
}

export type Scope = Principal['accounts'];

/** Place of a key in the list of keys: by the time of its making. */
export interface KeyCursor {
  readonly createdAt: Date;
  readonly id: string;
}

/** One advisory lock for every decision that counts rows before it writes one: 'corg' in ASCII. */
const LOCK = 0x636f_7267;

/** The tables account and api_key. */
export class OrganizationStore {
  readonly #em: SqlEntityManager;
  readonly #locked: boolean;

  constructor(em: SqlEntityManager, locked = false) {
    this.#em = em;
    this.#locked = locked;
  }

  /** Runs the work in a transaction while no other process decides; commits unless it throws. */
  async deciding<T>(work: (store: OrganizationStore) => Promise<T>): Promise<T> {
    if (this.#locked) return work(this);
    return this.#fresh().transactional(async (em) => {
      await em.execute('SELECT pg_advisory_xact_lock(?)', [LOCK]);
      return work(new OrganizationStore(em, true));
    });
  }

  async account(id: string): Promise<Account | undefined> {
    return (await this.#fresh().findOne(AccountEntity, { id })) ?? undefined;
  }

  accountsById(ids: readonly string[]): Promise<readonly Account[]> {
    return this.#fresh().find(AccountEntity, { id: { $in: [...ids] } });
  }

  /** Ordered by id. */
  accounts(scope: Scope, { direction, cursor, limit }: Slice<string>): Promise<readonly Account[]> {
    const forward = direction === 'forward';
    const where: FilterQuery<Account>[] = [];
    if (scope !== 'ALL') where.push({ id: { $in: [...scope] } });
    if (cursor !== undefined) where.push({ id: forward ? { $gt: cursor } : { $lt: cursor } });
    const orderBy = { id: forward ? 'asc' : 'desc' } as const;
    return this.#fresh().find(AccountEntity, { $and: where }, { orderBy, limit });
  }

  /** Accounts that have set retention or history. */
  accountsWithSettings(): Promise<readonly Account[]> {
    return this.#fresh().find(AccountEntity, {
      $or: [{ retentionMonths: { $ne: null } }, { historyDays: { $ne: null } }],
    });
  }

  countAccounts(): Promise<number> {
    return this.#fresh().count(AccountEntity);
  }

  /** Leaves the ones that exist as they are. */
  async insertAccounts(accounts: readonly Account[]): Promise<void> {
    if (accounts.length === 0) return;
    await this.#fresh().upsertMany(AccountEntity, [...accounts], { onConflictAction: 'ignore' });
  }

  async updateAccount(id: string, change: Partial<Omit<Account, 'id'>>): Promise<void> {
    if (Object.keys(change).length > 0) await this.#fresh().nativeUpdate(AccountEntity, { id }, change);
  }

  async key(id: string): Promise<ApiKey | undefined> {
    return (await this.#fresh().findOne(ApiKeyEntity, { id })) ?? undefined;
  }

  /** Keys whose accounts all lie within the scope; oldest first. */
  keys(scope: Scope, { direction, cursor, limit }: Slice<KeyCursor>): Promise<readonly ApiKey[]> {
    const forward = direction === 'forward';
    const where: FilterQuery<ApiKey>[] = [];
    if (scope !== 'ALL') where.push({ accounts: { $contained: [...scope] } });
    if (cursor !== undefined) {
      const { createdAt, id } = cursor;
      where.push({
        $or: forward
          ? [{ createdAt: { $gt: createdAt } }, { createdAt, id: { $gt: id } }]
          : [{ createdAt: { $lt: createdAt } }, { createdAt, id: { $lt: id } }],
      });
    }
    const order = forward ? 'asc' : 'desc';
    const orderBy = [{ createdAt: order }, { id: order }] as const;
    return this.#fresh().find(ApiKeyEntity, { $and: where }, { orderBy: [...orderBy], limit });
  }

  /** Keys that are neither revoked nor expired. */
  countLiveKeys(now: Date): Promise<number> {
    return this.#fresh().count(ApiKeyEntity, live(now));
  }

  /** Live keys of administrators of the whole installation, without the one named. */
  countOtherInstallationAdministrators(id: string, now: Date): Promise<number> {
    return this.#fresh().count(ApiKeyEntity, {
      $and: [live(now), { id: { $ne: id }, role: 'administrator', accounts: null }],
    });
  }

  async insertKey(key: ApiKey): Promise<void> {
    await this.#fresh().insert(ApiKeyEntity, key);
  }

  /** Keeps the time of the first revocation. */
  async revokeKey(id: string, at: Date): Promise<void> {
    await this.#fresh().nativeUpdate(ApiKeyEntity, { id, revokedAt: null }, { revokedAt: at });
  }

  /** Written only when the last time is at or before `until`, so that processes do not repeat each other. */
  async touchKey(id: string, at: Date, until: Date): Promise<void> {
    const stale = { $or: [{ lastUsedAt: null }, { lastUsedAt: { $lte: until } }] };
    await this.#fresh().nativeUpdate(ApiKeyEntity, { $and: [{ id }, stale] }, { lastUsedAt: at });
  }

  /** Whether this is the first use, which it is once. */
  async useFirst(id: string, at: Date): Promise<boolean> {
    return (
      (await this.#fresh().nativeUpdate(ApiKeyEntity, { id, lastUsedAt: null }, { lastUsedAt: at })) === 1
    );
  }

  /** Takes those away that nobody used in time. */
  async insertTicket(ticket: StreamTicketRow, now: Date): Promise<void> {
    await this.#fresh().nativeDelete(StreamTicketEntity, { expiresAt: { $lte: now } });
    await this.#fresh().insert(StreamTicketEntity, ticket);
  }

  /** The key of a ticket that is there and not too old; nobody finds it again. */
  async takeTicket(hash: Buffer, now: Date): Promise<string | undefined> {
    const sql = 'DELETE FROM stream_ticket WHERE hash = ? AND expires_at > ? RETURNING key_id';
    const rows = await this.#fresh().execute<{ key_id: string }[]>(sql, [hash, now]);
    return rows[0]?.key_id;
  }

  /** Without an identity map: each call reads what is there now. */
  #fresh(): SqlEntityManager {
    return this.#em.fork({ keepTransactionContext: true });
  }
}

function live(now: Date): FilterQuery<ApiKey> {
  return { revokedAt: null, $or: [{ expiresAt: null }, { expiresAt: { $gt: now } }] };
}
