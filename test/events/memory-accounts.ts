import type { AccountDirectory } from '#domain/organization';

/** A directory of accounts in memory. */
export class MemoryAccounts implements AccountDirectory {
  readonly known: Set<string>;

  constructor(...accounts: string[]) {
    this.known = new Set(accounts);
  }

  exists(account: string): Promise<boolean> {
    return Promise.resolve(this.known.has(account));
  }

  missing(accounts: readonly string[]): Promise<readonly string[]> {
    return Promise.resolve([...new Set(accounts)].filter((account) => !this.known.has(account)));
  }

  ensure(accounts: readonly string[]): Promise<void> {
    for (const account of accounts) this.known.add(account);
    return Promise.resolve();
  }
}
