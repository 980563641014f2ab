/** An account is 12 decimal digits, as in AWS. */
export const ACCOUNT_ID = /^\d{12}$/;

/** The account of the installation itself; it holds what concerns no other account and cannot be erased. */
export const INSTALLATION_ACCOUNT = '000000000000';

/** An export: a UUID, as `randomUUID` writes it. */
export const EXPORT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
