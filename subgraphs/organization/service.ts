import type { JobBoard, JobDesk } from '#domain/jobs';
import type { MikroORM } from '#platform/db';
import type { ErrorLog } from '#platform/graphql/present-error';
import { Accounts } from '#subgraphs/organization/accounts';
import { Authenticator } from '#subgraphs/organization/authenticator';
import type { KeyWatch } from '#subgraphs/organization/key-watch';
import { Keys } from '#subgraphs/organization/keys';
import { StreamTickets } from '#subgraphs/organization/stream-tickets';
import { OrganizationStore } from '#subgraphs/organization/store';
import { Work } from '#subgraphs/organization/work';

export interface OrganizationParts {
  /** Over ORGANIZATION_ENTITIES at least. */
  readonly orm: MikroORM;
  readonly desk: JobDesk;
  readonly board: JobBoard;
  readonly log: ErrorLog;
  /** Milliseconds since 1970; the clock unless told. */
  readonly now?: () => number;
  readonly watch?: KeyWatch | undefined;
}

/** Accounts, API keys and the work that is done for the whole installation. */
export class OrganizationService {
  readonly accounts: Accounts;
  readonly keys: Keys;
  readonly work: Work;
  /** For the gateway and every door. */
  readonly authenticator: Authenticator;
  readonly tickets: StreamTickets;

  constructor({ orm, desk, board, log, now = Date.now, watch }: OrganizationParts) {
    const store = new OrganizationStore(orm.em);
    const authenticator = new Authenticator({ store, now, log, watch });
    this.authenticator = authenticator;
    this.tickets = new StreamTickets({ store, authenticator, now, watch });
    this.accounts = new Accounts(store, now);
    this.keys = new Keys({
      store,
      directory: this.accounts,
      now,
      changed: (keyId) => authenticator.forget(keyId),
    });
    this.work = new Work({ desk, board, directory: this.accounts, now });
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.authenticator.close();
  }
}
