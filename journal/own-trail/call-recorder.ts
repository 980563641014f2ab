import type { Caller } from '#domain/caller';
import { parseIp } from '#domain/filter/ip';
import { type OwnOutcome, accountsOfKey } from '#domain/own-events';
import { GatheredEvents } from '#journal/own-trail/gathered';
import type { AskedField, Begun, OwnTrail } from '#journal/own-trail/own-trail';

/** An authorisation that was refused. */
export interface Refused {
  /** What was tried, in CloudTrail's spelling: `CreateApiKey`, `Authenticate`. */
  readonly operation: string;
  readonly code: 'UNAUTHENTICATED' | 'FORBIDDEN' | 'ACCOUNT_NOT_ALLOWED';
  /** Without the principal when nobody was recognised. */
  readonly caller: Partial<Caller>;
  /** Of a key that exists and is not good any more, or whose secret was wrong: its id and accounts. */
  readonly key?: { readonly id: string; readonly accounts: readonly string[] | null } | undefined;
  /** Never what was presented. */
  readonly details?: Readonly<Record<string, string>>;
}

export interface RecorderParts {
  readonly trail: OwnTrail;
  readonly recordsReads: boolean;
  readonly onError: (error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What the doors and the subgraphs of a process tell of those who come to them. */
export class CallRecorder {
  readonly recordsReads: boolean;
  readonly #trail: OwnTrail;
  readonly #refusals: GatheredEvents;
  readonly #downloads: GatheredEvents;
  readonly #onError: (error: unknown) => void;

  constructor({ trail, recordsReads, onError, now }: RecorderParts) {
    this.#trail = trail;
    this.recordsReads = recordsReads;
    this.#onError = onError;
    const write = trail.note.bind(trail);
    const gathered = { write, onError, now };
    this.#refusals = new GatheredEvents({ ...gathered, rest: beyond('RefuseAuthorization') });
    this.#downloads = new GatheredEvents({ ...gathered, perMinute: 600, rest: beyond('DownloadExport') });
  }

  /** Durable when it resolves. UNAVAILABLE when it cannot be recorded: then it must not be done. */
  begin(asked: AskedField): Promise<Begun> {
    return this.#trail.begin(asked);
  }

  /** UNAVAILABLE when it cannot be recorded: then it must not be answered. */
  read(asked: AskedField, outcome: OwnOutcome): Promise<void> {
    return this.#trail.read(asked, outcome);
  }

  /** Counted for each key, or each network where no key is known; the first of a minute is recorded at once. */
  refused({ operation, code, caller, key, details = {} }: Refused): void {
    const { principal } = caller;
    const who = principal?.keyId ?? key?.id ?? networkOf(caller.clientAddress);
    const accounts = principal ?? (key && { accounts: key.accounts ?? 'ALL' });
    const event = {
      eventName: operation,
      type: 'CairnApiCall',
      accounts: accounts === undefined ? [] : accountsOfKey(accounts),
      caller,
      details: { ...details, ...(key && { keyId: key.id }) },
      error: { code, message: MESSAGES[code] },
    } as const;
    this.#refusals.add(`${code} ${operation} ${who}`, event).catch(this.#onError);
  }

  /** Durable when it resolves, unless the same file went to the same place within the minute. */
  downloaded(download: {
    readonly id: string;
    readonly accounts: readonly string[] | 'ALL';
    readonly caller: Partial<Caller>;
  }): Promise<void> {
    const { id, accounts, caller } = download;
    return this.#downloads.add(`${id} ${caller.principal?.keyId} ${caller.clientAddress}`, {
      eventName: 'DownloadExport',
      type: 'CairnApiCall',
      readOnly: true,
      accounts: accountsOfKey({ accounts }),
      caller,
      details: { export: id },
      resource: { type: 'Cairn::Export', id },
    });
  }

  /** Writes what is only counted yet. */
  async close(): Promise<void> {
    await this.#refusals.close();
    await this.#downloads.close();
  }
}

const MESSAGES = {
  UNAUTHENTICATED: 'No valid key, ticket or link was presented.',
  FORBIDDEN: 'The key may not do this.',
  ACCOUNT_NOT_ALLOWED: 'The key does not record for that account.',
} as const;

function beyond(eventName: string) {
  const details = { reason: 'More of them than are recorded one by one: only their number is known.' };
  return { eventName, type: 'CairnApiCall', details } as const;
}

/** /24 or /48: whoever has one address there has the others, too. */
function networkOf(address: string | undefined): string {
  const digits = parseIp(address ?? '') ?? '';
  return digits.length === 8 ? digits.slice(0, 6) : digits.slice(0, 12);
}
