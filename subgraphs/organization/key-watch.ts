import type { ApiKey } from '#subgraphs/organization/store';

/** What the trail of Cairn itself wants to know of keys and tickets. Neither call holds up or fails a request. */
export interface KeyWatch {
  /**
   * A key is about to be used for the first time, as far as this process knows. `write` says whether it really
   * was the first: it is once, whatever processes try.
   */
  firstUse(key: Pick<ApiKey, 'id' | 'role' | 'accounts'>, write: () => Promise<boolean>): Promise<void>;
  /** Nobody was let in. `key` is one that exists: its secret was wrong, or it is not good any more. */
  refused(
    operation: 'Authenticate' | 'RedeemStreamTicket',
    reason: string,
    key?: Pick<ApiKey, 'id' | 'accounts'>,
  ): void;
}

/** For tests, and for processes that are asked nothing. */
export const NO_WATCH: KeyWatch = {
  firstUse: async (_, write) => {
    await write();
  },
  refused: () => undefined,
};
