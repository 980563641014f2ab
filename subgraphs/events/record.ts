import { CairnError, type ErrorCode } from '#domain/errors';
import { categoryOf, formatOf } from '#domain/event-format';
import { isRefusal, parseEvent, readRecord } from '#domain/event-parse';
import { valueAt } from '#domain/event-values';
import { ACCOUNT_ID } from '#domain/ids';
import type { AccountDirectory } from '#domain/organization';
import {
  type Principal,
  coversAccount,
  isInstallationAdministrator,
  mayWrite,
  shareOf,
} from '#domain/principal';
import type { Journal, NewEvent, Outcome, Place } from '#journal/types';
import type { EventIds } from '#journal/event-id';
import { FairTurns } from '#platform/fair/fair-turns';
import type { TimeSlices } from '#platform/fair/time-slices';

export interface RecorderDependencies {
  readonly journal: Pick<Journal, 'append' | 'get'>;
  readonly accounts: AccountDirectory;
  readonly eventIds: EventIds;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Takes bytes from what a key may send in a minute; TOO_MANY_REQUESTS when it has sent them. */
  readonly charge?: ((principal: Principal, bytes: number) => void) | undefined;
  /** Hears, once a request or batch, that a key tried what it may not. */
  readonly refused?: (principal: Principal, code: 'FORBIDDEN' | 'ACCOUNT_NOT_ALLOWED') => void;
  /** Shared with whatever else computes in the process. */
  readonly slices?: TimeSlices | undefined;
}

/** Who sends events, and how the request wants them taken. */
export interface RecordRequest {
  readonly principal: Principal;
  /** The account of events that name none. */
  readonly account?: string | undefined;
  /** The name of an import: 1 to 24 letters, digits, `.`, `_` or `-`. It gets counters of its own. */
  readonly importId?: string | undefined;
}

/** What became of one event. Paths are those of the record's fields. */
export type EventResult =
  | { readonly result: 'RECORDED' | 'DUPLICATE'; readonly place: Place; readonly eventTime: number }
  /** `place` is that of the event that was there before. */
  | { readonly result: 'CONFLICT'; readonly place: Place }
  | EventRefused;

export interface EventRefused {
  readonly result: 'REFUSED';
  readonly code: ErrorCode;
  readonly message: string;
  readonly path?: string | undefined;
}

/** Batches with the journal at a time, each of at most 2 MB: as many as keep it busy. */
const APPENDS = 16;
/** Of one key; a bulk body has two. */
const APPENDS_WAITING = 200;

const IMPORT_ID = /^[A-Za-z0-9._-]{1,24}$/;

/** The one way of events into the journal; every door for events uses it. */
export class EventRecorder {
  private readonly turns = new FairTurns({
    limit: APPENDS,
    perGroupContended: 1,
    waiting: APPENDS_WAITING,
    full: () =>
      new CairnError('TOO_MANY_REQUESTS', 'Too much of this key waits to be recorded.', { retryAfter: 2 }),
  });

  constructor(private readonly dependencies: RecorderDependencies) {}

  /** FORBIDDEN for keys that only read; INVALID_ARGUMENT and ACCOUNT_NOT_ALLOWED for what the request names. */
  open(request: RecordRequest): Intake {
    const { principal, account, importId } = request;
    if (!mayWrite(principal)) {
      this.dependencies.refused?.(principal, 'FORBIDDEN');
      throw new CairnError('FORBIDDEN', 'This key may not record events: its role only reads.');
    }
    if (account !== undefined && !ACCOUNT_ID.test(account)) {
      throw new CairnError('INVALID_ARGUMENT', 'An account is 12 digits.', { path: 'account' });
    }
    if (account !== undefined && !coversAccount(principal, account)) {
      this.dependencies.refused?.(principal, 'ACCOUNT_NOT_ALLOWED');
      throw new CairnError('ACCOUNT_NOT_ALLOWED', 'This key does not record for that account.', {
        path: 'account',
      });
    }
    if (importId !== undefined && !IMPORT_ID.test(importId)) {
      throw new CairnError('INVALID_ARGUMENT', 'The name of an import is 1 to 24 of A-Z a-z 0-9 . _ -', {
        path: 'import',
      });
    }
    return new Intake(this.dependencies, this.turns, request);
  }

  /** The outside id of the event that a result speaks of; undefined when that event is erased or refused. */
  async idOf(result: EventResult): Promise<string | undefined> {
    const { eventIds, journal } = this.dependencies;
    if (result.result === 'REFUSED') return undefined;
    if (result.result !== 'CONFLICT') return eventIds.encode(result.place, result.eventTime);
    // Ids hold the event's time, and two events in conflict share no more than its hour.
    const [earlier] = await journal.get([result.place]);
    return earlier && eventIds.encode(earlier.place, earlier.eventTime);
  }
}

/** Everything else than an installation administrator's import is told apart by its key. */
function sourceOf({ principal, importId }: RecordRequest): string {
  if (importId === undefined) return `key:${principal.keyId}`;
  return isInstallationAdministrator(principal)
    ? `import:${importId}`
    : `import:${principal.keyId}/${importId}`;
}

/** The events of one request, gathered and handed to the journal in batches. */
export class Intake {
  /** Counters are kept under it. */
  readonly source: string;
  private readonly ownAccount: string | undefined;
  private slots: (NewEvent | EventRefused)[] = [];
  private gathered = 0;

  constructor(
    private readonly dependencies: RecorderDependencies,
    private readonly turns: FairTurns,
    private readonly request: RecordRequest,
  ) {
    this.source = sourceOf(request);
    const { accounts } = request.principal;
    this.ownAccount =
      request.account ?? (accounts !== 'ALL' && accounts.length === 1 ? accounts[0] : undefined);
  }

  /** Events since the last commit, refused ones included. */
  get count(): number {
    return this.slots.length;
  }

  /** Bytes of the events that are kept until the next commit. */
  get bytes(): number {
    return this.gathered;
  }

  /**
   * Counts what comes in, events or not. TOO_MANY_REQUESTS when the key has sent too much. Imports of those who look
   * after the installation are as large as they are.
   */
  receive(bytes: number): void {
    const { principal, importId } = this.request;
    if (importId !== undefined && isInstallationAdministrator(principal)) return;
    this.dependencies.charge?.(principal, bytes);
  }

  /** Whether others record at the moment, who would wait for a large batch. */
  get isContended(): boolean {
    return this.turns.isContended(shareOf(this.request.principal).group);
  }

  /** Resolves when some tens of events may be checked. */
  async pause(): Promise<void> {
    await this.dependencies.slices?.next(shareOf(this.request.principal));
  }

  /** Checks one event as received and keeps it, or its refusal, until the next commit. */
  add(raw: Buffer): void {
    const parsed = parseEvent(raw, { now: this.dependencies.now() });
    if (isRefusal(parsed)) {
      this.refuse(parsed);
      return;
    }
    const account = parsed.account ?? this.ownAccount;
    if (account === undefined) {
      this.refuse({
        code: 'ACCOUNT_REQUIRED',
        message: 'Neither the event nor the request names an account.',
      });
      return;
    }
    const { eventId, eventTime } = parsed;
    this.slots.push({ raw, account, eventId, eventTime });
    this.gathered += raw.length;
  }

  /** Counts an event that cannot even be parsed. */
  refuse({ code, message, path }: Omit<EventRefused, 'result'>): void {
    this.slots.push({ result: 'REFUSED', code, message, path });
  }

  /**
   * Records what was added since the last commit; the results are in its order, and durable. Throws what the
   * journal throws, TOO_MANY_REQUESTS with its delay included: nothing of the batch is counted then, and sending
   * the same events again is safe.
   */
  async commit(): Promise<readonly EventResult[]> {
    const { slots } = this;
    this.slots = [];
    this.gathered = 0;
    const unusable = await this.unusableAccounts(slots);
    const events: NewEvent[] = [];
    const results = slots.map((slot) => {
      if ('result' in slot) return slot;
      const refuse = unusable.get(slot.account);
      if (refuse === undefined) events.push(slot);
      return refuse?.(slot);
    });
    const outcomes = await this.turns.take(shareOf(this.request.principal), () =>
      this.dependencies.journal.append({
        source: this.source,
        received: slots.length,
        refused: slots.length - events.length,
        events,
      }),
    );
    return mergeResults(results, events, outcomes);
  }

  /** Asked anew for each batch: an account may be created while a long body comes in. */
  private async unusableAccounts(slots: readonly (NewEvent | EventRefused)[]): Promise<Map<string, Refuse>> {
    const named = new Set<string>();
    for (const slot of slots) if (!('result' in slot)) named.add(slot.account);
    const unusable = new Map<string, Refuse>();
    const allowed: string[] = [];
    for (const account of named) {
      if (coversAccount(this.request.principal, account)) allowed.push(account);
      else unusable.set(account, notAllowed);
    }
    if (unusable.size > 0) this.dependencies.refused?.(this.request.principal, 'ACCOUNT_NOT_ALLOWED');
    for (const account of await this.unknownOf(allowed)) unusable.set(account, unknownAccount);
    return unusable;
  }

  private async unknownOf(accounts: readonly string[]): Promise<readonly string[]> {
    const missing = await this.dependencies.accounts.missing(accounts);
    const creates =
      this.request.importId !== undefined && isInstallationAdministrator(this.request.principal);
    if (missing.length === 0 || !creates) return missing;
    await this.dependencies.accounts.ensure(missing);
    return [];
  }
}

type Refuse = (event: NewEvent) => EventRefused;

function notAllowed(event: NewEvent): EventRefused {
  return {
    result: 'REFUSED',
    code: 'ACCOUNT_NOT_ALLOWED',
    message: `This key does not record for account ${event.account}.`,
    path: pathOfAccount(event),
  };
}

function unknownAccount(event: NewEvent): EventRefused {
  return {
    result: 'REFUSED',
    code: 'UNKNOWN_ACCOUNT',
    message: `There is no account ${event.account}; an administrator creates it, or imports into it.`,
    path: pathOfAccount(event),
  };
}

/** Undefined when the account is not the event's own but that of the request or the key. */
function pathOfAccount({ raw, account }: NewEvent): string | undefined {
  const record = readRecord(raw);
  const { account: paths } = formatOf(record, categoryOf(record));
  return paths.find((path) => valueAt(record, path) === account)?.join('.');
}

function mergeResults(
  refusals: readonly (EventRefused | undefined)[],
  events: readonly NewEvent[],
  outcomes: readonly Outcome[],
): EventResult[] {
  let index = 0;
  return refusals.map((refused) => {
    if (refused !== undefined) return refused;
    const event = events[index];
    const outcome = outcomes[index];
    index += 1;
    if (event === undefined || outcome === undefined) {
      throw new Error('The journal answered with fewer outcomes than it was given events.');
    }
    return outcome.result === 'RECORDED' || outcome.result === 'DUPLICATE'
      ? { result: outcome.result, place: outcome.place, eventTime: event.eventTime }
      : outcome;
  });
}
