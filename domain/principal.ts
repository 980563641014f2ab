/**
 * Roles of an API key. `administrator` may do everything in its accounts and, when scoped to all,
 * in the installation; `auditor` reads and verifies; `ingest` only writes.
 */
export const ROLES = ['administrator', 'auditor', 'ingest'] as const;
export type Role = (typeof ROLES)[number];

/** Mutations that need a key that may read, and none that may write. */
export const READERS_MUTATIONS: ReadonlySet<string> = new Set([
  'createStreamTicket',
  'startExport',
  'cancelExport',
  'deleteExport',
]);

/** Who asks: the key that authenticated a request. */
export interface Principal {
  readonly keyId: string;
  readonly role: Role;
  /** The accounts that the key is scoped to, or ALL. */
  readonly accounts: 'ALL' | readonly string[];
}

/** Whose work it is, where callers take turns: what an account gets does not grow with the number of its keys. */
export function shareOf({ keyId, accounts }: Principal): { readonly group: string; readonly member: string } {
  return { group: accounts === 'ALL' ? accounts : accounts.join(','), member: keyId };
}

export function mayRead(principal: Principal): boolean {
  return principal.role !== 'ingest';
}

export function mayWrite(principal: Principal): boolean {
  return principal.role !== 'auditor';
}

export function coversAccount(principal: Principal, account: string): boolean {
  return principal.accounts === 'ALL' || principal.accounts.includes(account);
}

/** An administrator of the whole installation: manages accounts, keys of others, imports and erasures. */
export function isInstallationAdministrator(principal: Principal): boolean {
  return principal.role === 'administrator' && principal.accounts === 'ALL';
}
