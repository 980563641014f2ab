import { ACCOUNT_ID } from '#domain/ids';
import { type Principal, coversAccount } from '#domain/principal';
import type { EntityReference } from '#subgraphs/shared/build-subgraph';

/**
 * The reference resolver of `Account` where it is only extended: null, not found, for an account that the key
 * does not cover. That the account exists is the organization's to say.
 */
export function ownAccount(
  { id }: EntityReference,
  { principal }: { readonly principal: Principal },
): EntityReference | null {
  return ACCOUNT_ID.test(id) && coversAccount(principal, id) ? { id } : null;
}
