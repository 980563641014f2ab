import { MAX_ACCOUNTS_PER_KEY, MAX_LIVE_KEYS, NAME } from '#domain/organization';
import type { AccountDirectory } from '#domain/organization';
import { isInstallationAdministrator } from '#domain/principal';
import type { Principal, Role } from '#domain/principal';
import { hashSecret, isKeyId, keyText, newKey } from '#subgraphs/organization/key-text';
import { refusal, refused } from '#subgraphs/organization/refusal';
import type { Outcome, UserError } from '#subgraphs/organization/refusal';
import type { ApiKey, KeyCursor, OrganizationStore, Slice } from '#subgraphs/organization/store';
import { requireAdministrator } from '#subgraphs/shared/context';

export interface NewKeyInput {
  readonly name: string;
  readonly role: Role;
  /** Null: all accounts. */
  readonly accounts: readonly string[] | null;
  readonly expiresAt: Date | null;
}

/** A key with its text, which is shown this once and stored nowhere. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly text: string;
}

export interface KeysParts {
  readonly store: OrganizationStore;
  readonly directory: AccountDirectory;
  readonly now: () => number;
  /** A key was changed: whoever remembers it must forget. */
  readonly changed: (keyId: string) => void;
}

/**
 * Use cases around API keys. An administrator manages the keys of a subset of his accounts, all of them when he
 * has all; nobody grants accounts that he does not have.
 */
export class Keys {
  readonly #parts: KeysParts;

  constructor(parts: KeysParts) {
    this.#parts = parts;
  }

  /** Undefined for a key that does not exist or reaches beyond the caller's accounts: the two look the same. */
  async find(principal: Principal, id: string): Promise<ApiKey | undefined> {
    requireAdministrator({ principal });
    const key = isKeyId(id) ? await this.#parts.store.key(id) : undefined;
    return key && manages(principal, key) ? key : undefined;
  }

  async list(principal: Principal, slice: Slice<KeyCursor>): Promise<readonly ApiKey[]> {
    requireAdministrator({ principal });
    return this.#parts.store.keys(principal.accounts, slice);
  }

  async create(principal: Principal, input: NewKeyInput): Promise<Outcome<IssuedKey>> {
    requireAdministrator({ principal });
    const faults = [...this.#faultsOf(input), ...scopeFaults(principal, input.accounts)];
    if (faults.length > 0) return refused(...faults);
    const unknown = new Set(await this.#parts.directory.missing(input.accounts ?? []));
    if (unknown.size > 0) {
      return refused(
        ...(input.accounts ?? []).flatMap((id, i) => (unknown.has(id) ? [noAccount(id, i)] : [])),
      );
    }
    return this.#parts.store.deciding(async (store): Promise<Outcome<IssuedKey>> => {
      if ((await store.countLiveKeys(this.#date())) >= MAX_LIVE_KEYS) {
        const message = `An installation has at most ${MAX_LIVE_KEYS} live keys: revoke some.`;
        return refused(refusal('LIMIT_EXCEEDED', null, message));
      }
      return { value: await this.#issue(store, input, principal.keyId) };
    });
  }

  /** Revoking a revoked key is no fault. The last way in cannot be revoked. */
  async revoke(principal: Principal, id: string): Promise<Outcome<ApiKey>> {
    requireAdministrator({ principal });
    const outcome = await this.#parts.store.deciding(async (store): Promise<Outcome<ApiKey>> => {
      const key = isKeyId(id) ? await store.key(id) : undefined;
      if (!key || !manages(principal, key)) {
        return refused(refusal('NOT_FOUND', 'id', `There is no key ${JSON.stringify(id.slice(0, 64))}.`));
      }
      if (
        opensInstallation(key) &&
        (await store.countOtherInstallationAdministrators(id, this.#date())) === 0
      ) {
        const message = 'This is the last administrator key for all accounts: create another one first.';
        return refused(refusal('FORBIDDEN', 'id', message));
      }
      await store.revokeKey(id, this.#date());
      return { value: (await store.key(id)) ?? key };
    });
    this.#parts.changed(id);
    return outcome;
  }

  /**
   * For the first start: the text of an administrator's key for all accounts, or null when there is a key. With
   * `unseen` an earlier start ended before it could show its key: nobody has that one, and it is replaced. `show`
   * is given the text before the key is made, so that there is never a key that nobody saw.
   */
  async createFirstAdministrator({
    unseen = false,
    show,
  }: {
    readonly unseen?: boolean;
    readonly show?: (text: string) => Promise<void>;
  } = {}): Promise<string | null> {
    return this.#parts.store.deciding(async (store) => {
      const known = await store.keys('ALL', { direction: 'forward', cursor: undefined, limit: 100 });
      const [lost, ...others] = known.filter((key) => key.revokedAt === null);
      const nobodys = unseen && lost?.lastUsedAt === null && others.length === 0;
      if (known.length > 0 && !nobodys) return null;
      if (lost !== undefined) await store.revokeKey(lost.id, this.#date());
      const input = {
        name: 'First administrator',
        role: 'administrator',
        accounts: null,
        expiresAt: null,
      } as const;
      const { text } = await this.#issue(store, input, null);
      await show?.(text);
      return text;
    });
  }

  async #issue(store: OrganizationStore, input: NewKeyInput, createdBy: string | null): Promise<IssuedKey> {
    const presented = newKey();
    const key: ApiKey = {
      id: presented.id,
      name: input.name,
      role: input.role,
      accounts: input.accounts && [...new Set(input.accounts)],
      secretHash: hashSecret(presented.secret),
      createdAt: this.#date(),
      createdBy,
      expiresAt: input.expiresAt,
      revokedAt: null,
      lastUsedAt: null,
    };
    await store.insertKey(key);
    return { key, text: keyText(presented) };
  }

  #faultsOf({ name, accounts, expiresAt }: NewKeyInput): UserError[] {
    const faults: UserError[] = [];
    if (!NAME.test(name)) {
      const message =
        'A name is 1 to 128 characters, without control characters and white space at its ends.';
      faults.push(refusal('INVALID_ARGUMENT', 'input.name', message));
    }
    if (expiresAt && expiresAt.getTime() <= this.#parts.now()) {
      faults.push(refusal('INVALID_ARGUMENT', 'input.expiresAt', 'A key expires in the future.'));
    }
    if (accounts?.length === 0) {
      faults.push(refusal('INVALID_ARGUMENT', 'input.accounts', 'Name at least one account.'));
    }
    if (accounts && accounts.length > MAX_ACCOUNTS_PER_KEY) {
      const message = `A key is scoped to at most ${MAX_ACCOUNTS_PER_KEY} accounts.`;
      faults.push(refusal('LIMIT_EXCEEDED', 'input.accounts', message));
    }
    return faults;
  }

  #date(): Date {
    return new Date(this.#parts.now());
  }
}

function manages(principal: Principal, key: ApiKey): boolean {
  const { accounts } = principal;
  return accounts === 'ALL' || (key.accounts?.every((id) => accounts.includes(id)) ?? false);
}

function opensInstallation(key: ApiKey): boolean {
  return isInstallationAdministrator({ keyId: key.id, role: key.role, accounts: key.accounts ?? 'ALL' });
}

/** Nobody grants more than he has; an account of others looks like one that does not exist. */
function scopeFaults({ accounts: own }: Principal, wanted: NewKeyInput['accounts']): readonly UserError[] {
  if (own === 'ALL') return [];
  if (wanted === null) {
    const message = 'Only an administrator key for all accounts can make keys for all accounts.';
    return [refusal('FORBIDDEN', 'input.allAccounts', message)];
  }
  return wanted.flatMap((id, index) => (own.includes(id) ? [] : [noAccount(id, index)]));
}

function noAccount(id: string, index: number): UserError {
  return refusal('NOT_FOUND', `input.accounts[${index}]`, `There is no account ${id}.`);
}
