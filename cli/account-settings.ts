import type { AccountSettings } from '#domain/organization';

const REFRESH_MS = 5_000;

/** What accounts have set, at most five seconds old; the last known is kept while the database is away. */
export class AccountSettingsCache {
  readonly #load: () => Promise<readonly AccountSettings[]>;
  readonly #onError: (error: unknown) => void;
  #byAccount: ReadonlyMap<string, AccountSettings> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #loading: Promise<void> | undefined;

  constructor(load: () => Promise<readonly AccountSettings[]>, onError: (error: unknown) => void) {
    this.#load = load;
    this.#onError = onError;
  }

  /** Resolves when the settings are known for the first time. */
  async start(): Promise<void> {
    await this.#refresh();
    this.#timer ??= setInterval(() => {
      this.#loading ??= this.#refresh()
        .catch(this.#onError)
        .finally(() => (this.#loading = undefined));
    }, REFRESH_MS).unref();
  }

  of(account: string): AccountSettings | undefined {
    return this.#byAccount.get(account);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#loading;
  }

  async #refresh(): Promise<void> {
    const settings = await this.#load();
    this.#byAccount = new Map(settings.map((one) => [one.account, one]));
  }
}
