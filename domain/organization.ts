/** Which accounts exist, as the doors of events ask it. */
export interface AccountDirectory {
  exists(account: string): Promise<boolean>;
  /** Those of the accounts that do not exist, each once. */
  missing(accounts: readonly string[]): Promise<readonly string[]>;
  /**
   * Creates the unknown ones. Only for imports by an administrator of the installation.
   * INVALID_ARGUMENT for what is not an account id, LIMIT_EXCEEDED when the installation is full.
   */
  ensure(accounts: readonly string[]): Promise<void>;
}

/** What an account has set for its events; undefined means the installation's default. */
export interface AccountSettings {
  readonly account: string;
  /** Months that events are kept in the journal, by eventTime; undefined = for ever. */
  readonly retentionMonths: number | undefined;
  /** Days that events are kept in event history, by eventTime; undefined = the installation's. */
  readonly historyDays: number | undefined;
}

/** Accounts a key may be scoped to at most; the list travels with every request. */
export const MAX_ACCOUNTS_PER_KEY = 1_000;
/** Accounts of one installation. */
export const MAX_ACCOUNTS = 100_000;
/** Keys that are neither revoked nor expired, of one installation. */
export const MAX_LIVE_KEYS = 10_000;
/** Months of retention that can be set: a hundred years. */
export const MAX_RETENTION_MONTHS = 1_200;
/** Days of history that can be set: a hundred years. */
export const MAX_HISTORY_DAYS = 36_500;

/** The text of a name: 1 to 128 characters, none of them a control character, no white space at the ends. */
export const NAME = /^(?!\s)[^\p{Cc}\p{Cs}]{1,128}(?<!\s)$/u;
