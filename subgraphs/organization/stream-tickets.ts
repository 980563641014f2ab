import { createHash, randomBytes } from 'node:crypto';
import { CairnError } from '#domain/errors';
import type { Principal } from '#domain/principal';
import type { Authenticator } from '#subgraphs/organization/authenticator';
import type { KeyWatch } from '#subgraphs/organization/key-watch';
import type { OrganizationStore } from '#subgraphs/organization/store';

export interface TicketParts {
  readonly store: Pick<OrganizationStore, 'insertTicket' | 'takeTicket'>;
  readonly authenticator: Pick<Authenticator, 'liveKey'>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly watch?: KeyWatch | undefined;
}

export interface StreamTicket {
  readonly ticket: string;
  readonly expiresAt: Date;
}

const LIFE_MS = 60_000;
/** 256 random bits in base64url. */
const TICKET = /^[A-Za-z0-9_-]{43}$/;

/**
 * Stands in for a key where a header cannot be sent (a browser's EventSource): in a URL, so for one stream, for a
 * minute. The table holds hashes, every process takes from the same table, and what is taken is gone.
 */
export class StreamTickets {
  readonly #parts: TicketParts;

  constructor(parts: TicketParts) {
    this.#parts = parts;
  }

  async create({ keyId }: Principal): Promise<StreamTicket> {
    const { store, now } = this.#parts;
    const ticket = randomBytes(32).toString('base64url');
    const expiresAt = new Date(now() + LIFE_MS);
    await store.insertTicket({ hash: hashOf(ticket), keyId, expiresAt }, new Date(now()));
    return { ticket, expiresAt };
  }

  /** Whose ticket it was; null for one that is none, was used, is too old, or whose key is not good any more. */
  async redeem(ticket: string): Promise<Principal | null> {
    const { store, authenticator, now, watch } = this.#parts;
    const keyId = TICKET.test(ticket)
      ? await taken(() => store.takeTicket(hashOf(ticket), new Date(now())))
      : undefined;
    const principal = keyId === undefined ? null : await authenticator.liveKey(keyId);
    if (principal === null)
      watch?.refused('RedeemStreamTicket', 'the ticket is none, was used or is too old');
    return principal;
  }
}

async function taken(take: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await take();
  } catch (cause) {
    throw new CairnError('UNAVAILABLE', 'Tickets cannot be checked at the moment.', { retryAfter: 1, cause });
  }
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
