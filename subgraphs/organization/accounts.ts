import { CairnError } from '#domain/errors';
import { ACCOUNT_ID, INSTALLATION_ACCOUNT } from '#domain/ids';
import { MAX_ACCOUNTS, MAX_HISTORY_DAYS, MAX_RETENTION_MONTHS, NAME } from '#domain/organization';
import type { AccountDirectory, AccountSettings } from '#domain/organization';
import { coversAccount } from '#domain/principal';
import type { Principal } from '#domain/principal';
import { refusal, refused } from '#subgraphs/organization/refusal';
import type { Outcome, UserError } from '#subgraphs/organization/refusal';
import type { Account, OrganizationStore, Slice } from '#subgraphs/organization/store';
import { requireInstallationAdministrator } from '#subgraphs/shared/context';

/** Null: not set. Undefined: left as it is (or, for a new account, not set). */
export interface AccountChange {
  readonly name?: string | undefined;
  readonly retentionMonths?: number | null | undefined;
  readonly historyDays?: number | null | undefined;
}

/** Accounts named in one statement. */
const BATCH = 1_000;

/** Use cases around accounts. They are made by the installation's administrators and by imports, never removed. */
export class Accounts implements AccountDirectory {
  readonly #store: OrganizationStore;
  readonly #now: () => number;
  /** Ids known to exist; at most MAX_ACCOUNTS, for there are no more. */
  readonly #known = new Set<string>();

  constructor(store: OrganizationStore, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  /** Undefined for an account that does not exist or that the key does not cover: the two look the same. */
  async find(principal: Principal, id: string): Promise<Account | undefined> {
    return coversAccount(principal, id) ? this.#store.account(id) : undefined;
  }

  /** In the order of the ids asked for. */
  async findAll(principal: Principal, ids: readonly string[]): Promise<readonly (Account | null)[]> {
    const visible = ids.filter((id) => coversAccount(principal, id));
    const found = await this.#store.accountsById(visible);
    const byId = new Map(found.map((account) => [account.id, account]));
    return ids.map((id) => byId.get(id) ?? null);
  }

  list(principal: Principal, slice: Slice<string>): Promise<readonly Account[]> {
    return this.#store.accounts(principal.accounts, slice);
  }

  async create(
    principal: Principal,
    input: AccountChange & { readonly id: string },
  ): Promise<Outcome<Account>> {
    requireInstallationAdministrator({ principal });
    const faults = faultsOf(input);
    if (!ACCOUNT_ID.test(input.id))
      faults.push(refusal('INVALID_ARGUMENT', 'input.id', 'An account is 12 digits.'));
    if (faults.length > 0) return refused(...faults);
    return this.#store.deciding(async (store): Promise<Outcome<Account>> => {
      if (await store.account(input.id)) {
        return refused(refusal('ALREADY_EXISTS', 'input.id', `The account ${input.id} exists already.`));
      }
      if ((await store.countAccounts()) >= MAX_ACCOUNTS)
        return refused(refusal('LIMIT_EXCEEDED', null, FULL));
      const account = this.#newAccount(input.id, input);
      await store.insertAccounts([account]);
      return { value: account };
    });
  }

  async update(principal: Principal, id: string, change: AccountChange): Promise<Outcome<Account>> {
    requireInstallationAdministrator({ principal });
    const faults = faultsOf(change);
    if (id === INSTALLATION_ACCOUNT && typeof change.retentionMonths === 'number') {
      const message = 'The installation’s own account is kept for ever.';
      faults.push(refusal('INVALID_ARGUMENT', 'input.retentionMonths', message));
    }
    if (faults.length > 0) return refused(...faults);
    await this.#store.updateAccount(id, withoutUndefined(change));
    const account = await this.#store.account(id);
    return account
      ? { value: account }
      : refused(refusal('NOT_FOUND', 'input.id', `There is no account ${id}.`));
  }

  async exists(account: string): Promise<boolean> {
    return (await this.missing([account])).length === 0;
  }

  async missing(accounts: readonly string[]): Promise<readonly string[]> {
    const unknown = [...new Set(accounts)].filter((id) => !this.#known.has(id));
    const wellFormed = unknown.filter((id) => ACCOUNT_ID.test(id));
    for (let start = 0; start < wellFormed.length; start += BATCH) {
      const found = await this.#store.accountsById(wellFormed.slice(start, start + BATCH));
      for (const { id } of found) this.#known.add(id);
    }
    return unknown.filter((id) => !this.#known.has(id));
  }

  async ensure(accounts: readonly string[]): Promise<void> {
    const missing = await this.missing(accounts);
    if (missing.length === 0) return;
    const bad = missing.find((id) => !ACCOUNT_ID.test(id));
    if (bad !== undefined) {
      throw new CairnError('INVALID_ARGUMENT', 'An account is 12 digits.', { path: 'account' });
    }
    await this.#store.deciding(async (store) => {
      if ((await store.countAccounts()) + missing.length > MAX_ACCOUNTS) {
        throw new CairnError('LIMIT_EXCEEDED', FULL);
      }
      for (let start = 0; start < missing.length; start += BATCH) {
        const ids = missing.slice(start, start + BATCH);
        await store.insertAccounts(ids.map((id) => this.#newAccount(id, {})));
      }
    });
    for (const id of missing) this.#known.add(id);
  }

  /** What accounts have set of their own; the others follow the installation's defaults. */
  async settings(): Promise<readonly AccountSettings[]> {
    const accounts = await this.#store.accountsWithSettings();
    return accounts.map(({ id, retentionMonths, historyDays }) => ({
      account: id,
      retentionMonths: retentionMonths ?? undefined,
      historyDays: historyDays ?? undefined,
    }));
  }

  #newAccount(id: string, { name, retentionMonths, historyDays }: AccountChange): Account {
    return {
      id,
      name: name ?? id,
      createdAt: new Date(this.#now()),
      retentionMonths: retentionMonths ?? null,
      historyDays: historyDays ?? null,
    };
  }
}

const FULL = `An installation has at most ${MAX_ACCOUNTS} accounts.`;

function faultsOf({ name, retentionMonths, historyDays }: AccountChange): UserError[] {
  const faults: UserError[] = [];
  const fault = (path: string, message: string): void => {
    faults.push(refusal('INVALID_ARGUMENT', `input.${path}`, message));
  };
  if (name !== undefined && !NAME.test(name)) {
    fault('name', 'A name is 1 to 128 characters, without control characters and white space at its ends.');
  }
  if (!isWithin(retentionMonths, MAX_RETENTION_MONTHS)) {
    fault(
      'retentionMonths',
      `Retention is 1 to ${MAX_RETENTION_MONTHS} months, or null to keep events for ever.`,
    );
  }
  if (!isWithin(historyDays, MAX_HISTORY_DAYS)) {
    fault('historyDays', `History is 1 to ${MAX_HISTORY_DAYS} days, or null for the installation’s default.`);
  }
  return faults;
}

function isWithin(value: number | null | undefined, max: number): boolean {
  return value === null || value === undefined || (Number.isInteger(value) && value >= 1 && value <= max);
}

function withoutUndefined({
  name,
  retentionMonths,
  historyDays,
}: AccountChange): Partial<Omit<Account, 'id'>> {
  return {
    ...(name !== undefined && { name }),
    ...(retentionMonths !== undefined && { retentionMonths }),
    ...(historyDays !== undefined && { historyDays }),
  };
}
