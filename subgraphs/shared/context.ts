import type { Caller } from '#domain/caller';
import { CairnError } from '#domain/errors';
import { coversAccount, isInstallationAdministrator, mayRead, mayWrite } from '#domain/principal';

export type { Caller } from '#domain/caller';

/** The context of every resolver. `Services` is what the subgraph's index.ts hands to `buildSubgraph`. */
export interface SubgraphContext<Services = unknown> extends Caller {
  /** Aborted when the client has left or the operation has run out of time. */
  readonly signal: AbortSignal;
  readonly services: Services;
}

/** What a check needs to know of a caller; services ask with the principal alone. */
type Asking = Pick<Caller, 'principal'>;

/** Reading needs a key that may read: administrator or auditor. FORBIDDEN otherwise. */
export function requireReader(context: Asking): void {
  if (!mayRead(context.principal)) {
    throw new CairnError('FORBIDDEN', 'This key may not read: its role only records events.');
  }
}

/** Changing anything, recording included, needs an administrator's or an ingest key. FORBIDDEN otherwise. */
export function requireWriter(context: Asking): void {
  if (!mayWrite(context.principal)) {
    throw new CairnError('FORBIDDEN', 'This key may not change anything: its role only reads.');
  }
}

/** Managing something inside the key's accounts. FORBIDDEN otherwise. */
export function requireAdministrator(context: Asking): void {
  if (context.principal.role !== 'administrator') {
    throw new CairnError('FORBIDDEN', 'This needs a key with the role administrator.');
  }
}

/** Managing the installation: an administrator's key that is scoped to all accounts. FORBIDDEN otherwise. */
export function requireInstallationAdministrator(context: Asking): void {
  if (!isInstallationAdministrator(context.principal)) {
    throw new CairnError('FORBIDDEN', 'This needs an administrator key for all accounts.');
  }
}

/**
 * The key covers the account. NOT_FOUND otherwise, worded like an account that does not exist, so that a key
 * cannot find out which other accounts there are.
 */
export function requireAccount(context: Asking, account: string, path?: string): void {
  if (!coversAccount(context.principal, account)) {
    throw accountNotFound(account, path);
  }
}

/** The one refusal for an account that is unknown and for one that the key does not cover. */
export function accountNotFound(account: string, path?: string): CairnError {
  return new CairnError('NOT_FOUND', `There is no account ${account}.`, { path });
}
