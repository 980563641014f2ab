import { hash } from 'node:crypto';
import type { Caller } from '#domain/caller';
import type { CairnError } from '#domain/errors';
import type { JsonObject, JsonValue } from '#domain/event';
import { INSTALLATION_ACCOUNT } from '#domain/ids';
import { cleanText, shownValue } from '#domain/own-event-values';
import { type Principal, coversAccount } from '#domain/principal';

/** The eventSource of what is done to Cairn itself. */
export const OWN_EVENT_SOURCE = 'cairn';
/** The source (envelope) under which they are recorded; keys and imports have others, so nobody else can use it. */
export const OWN_SOURCE = 'cairn';
/** Accounts that one call may be recorded for, an event each; one that concerns more is the installation's. */
export const MAX_OWN_ACCOUNTS = 10;

type AccountPath = 'caller' | `request.${string}` | `response.${string}`;

/**
 * What may be told of a call. Nothing else gets into a record: a field that nobody named here, a new one and a
 * secret one alike, stays out. A path names a value and all that is below it: `input.name`, `apiKey.id`.
 */
export interface OwnCallRule {
  /** Arguments. */
  readonly request: readonly string[];
  /** Of what the resolver answers; an answer that is a plain value is `value`. */
  readonly response: readonly string[];
  /**
   * Where the accounts stand that the call concerns; `caller` are those of the key. Only accounts of the caller
   * count: nobody writes into the trail of others. None = the installation's account.
   */
  readonly accounts: readonly AccountPath[];
  /** What it was done to, by type and by where its id stands. */
  readonly resource?: { readonly type: string; readonly at: string };
}

/** What a subgraph lets be recorded of its root fields; one that is not named here is refused when it is built. */
export interface OwnTrailRules {
  /** `'unrecorded'`: what records events would otherwise feed itself. */
  readonly mutations: Readonly<Record<string, OwnCallRule | 'unrecorded'>>;
  /** The arguments of queries and subscriptions that may be told, where reads are recorded. */
  readonly reads: Readonly<Record<string, readonly string[]>>;
}

/** How a call ended. */
export type OwnOutcome<Result = unknown> =
  | { readonly result: Result }
  | { readonly error: Pick<CairnError, 'code' | 'message'> }
  | { readonly unknown: true };

/** An event of Cairn's own before it has its place: `record` lacks what differs from account to account. */
export interface OwnEvent {
  /** None: the installation's. */
  readonly accounts: readonly string[];
  /** Milliseconds since 1970. */
  readonly eventTime: number;
  readonly record: JsonObject;
}

/** Who calls, as far as the record says it. */
export interface OwnCaller extends Caller {
  /** The key's name. */
  readonly userName?: string | undefined;
}

export interface OwnCall {
  /** The root field. */
  readonly field: string;
  readonly caller: OwnCaller;
  readonly at: number;
  readonly args: unknown;
  readonly rule: OwnCallRule;
  readonly readOnly: boolean;
}

/** The record of a call. While it is not known how it ended, `unknown` says so. */
export function callEvent(call: OwnCall, outcome: OwnOutcome): OwnEvent {
  const { caller, rule, args } = call;
  const answer = 'result' in outcome ? answered(outcome.result) : undefined;
  const parts = { request: args, response: answer, caller: caller.principal };
  return {
    accounts: accountsOf(rule.accounts, parts),
    eventTime: call.at,
    record: {
      ...headOf(call.at, eventNameOf(call.field)),
      userIdentity: identityOf(caller.principal, caller.userName),
      sourceIPAddress: cleanText(caller.clientAddress ?? 'cairn.internal'),
      ...(caller.userAgent === undefined ? {} : { userAgent: cleanText(caller.userAgent) }),
      ...errorOf(outcome, answer),
      requestParameters: pick(args, rule.request),
      responseElements: answer === undefined ? null : pick(answer, rule.response),
      ...resourcesOf(rule, parts),
      requestID: cleanText(caller.requestId),
      readOnly: call.readOnly,
      ...tailOf('CairnApiCall'),
    },
  };
}

export interface OwnServiceEvent {
  readonly eventName: string;
  readonly at: number;
  readonly accounts?: readonly string[];
  /** The key for which it was done; absent when Cairn did it by itself. */
  readonly caller?: Partial<Omit<OwnCaller, 'principal'>> & { readonly principal?: Principal | undefined };
  /** What happened; nothing secret. */
  readonly details: JsonObject;
  /** What came of it; nothing secret. */
  readonly response?: JsonObject | undefined;
  /** Figures about the event itself, such as a count. */
  readonly additional?: JsonObject;
  readonly error?: { readonly code: string; readonly message: string };
  readonly resource?: { readonly type: string; readonly id: string } | undefined;
  readonly readOnly?: boolean;
  readonly type?: 'CairnApiCall' | 'CairnServiceEvent';
}

/** The record of what Cairn did, or met, by itself. Its caller hands in nothing secret: only values are bounded. */
export function serviceEvent(event: OwnServiceEvent): OwnEvent {
  const { caller = {}, at, error, resource } = event;
  const { principal, userName, clientAddress, userAgent, requestId } = caller;
  return {
    accounts: event.accounts ?? [],
    eventTime: at,
    record: {
      ...headOf(at, event.eventName),
      userIdentity: principal === undefined ? nobody(event.type) : identityOf(principal, userName),
      sourceIPAddress: cleanText(clientAddress ?? 'cairn.internal'),
      ...(userAgent === undefined ? {} : { userAgent: cleanText(userAgent) }),
      ...(error && { errorCode: error.code, errorMessage: cleanText(error.message) }),
      requestParameters: null,
      responseElements: event.response ?? null,
      serviceEventDetails: shownValue(event.details) ?? null,
      ...(event.additional && { additionalEventData: event.additional }),
      ...(resource && { resources: [{ type: resource.type, resourceName: cleanText(resource.id) }] }),
      ...(requestId === undefined ? {} : { requestID: cleanText(requestId) }),
      readOnly: event.readOnly ?? false,
      ...tailOf(event.type ?? 'CairnServiceEvent'),
    },
  };
}

/** The bytes of an event for one of its accounts; the same for the same row, so that a second send is a duplicate. */
export function ownEventText(
  id: string,
  account: string,
  { record, accounts }: Pick<OwnEvent, 'record' | 'accounts'>,
): { readonly eventId: string; readonly text: string } {
  const shared = accounts.length > 1;
  const eventId = shared ? uuidOf(`${id}/${account}`) : id;
  const ids = { eventID: eventId, ...(shared && { sharedEventID: id }), recipientAccountId: account };
  return { eventId, text: JSON.stringify({ ...record, ...ids }) };
}

/** CloudTrail writes what is called `createApiKey` here as `CreateApiKey`. */
export function eventNameOf(field: string): string {
  return field.charAt(0).toUpperCase() + field.slice(1);
}

/** The accounts of a key where they are few, an event each; else none, which is the installation. */
export function accountsOfKey({ accounts }: Pick<Principal, 'accounts'>): readonly string[] {
  return accounts === 'ALL' || accounts.length > MAX_OWN_ACCOUNTS ? [] : accounts;
}

const UNKNOWN_OUTCOME = {
  code: 'OutcomeUnknown',
  message: 'The process ended, or lost its database, before it could record what became of this call.',
};

function headOf(at: number, eventName: string): JsonObject {
  return {
    eventVersion: '1.11',
    eventTime: new Date(at).toISOString(),
    eventSource: OWN_EVENT_SOURCE,
    eventName,
  };
}

function tailOf(eventType: string): JsonObject {
  return { eventType, managementEvent: true, eventCategory: 'Management' };
}

function identityOf({ keyId, accounts, role }: Principal, userName: string | undefined): JsonObject {
  const [only, ...others] = accounts === 'ALL' ? [] : accounts;
  return {
    type: 'CairnKey',
    principalId: keyId,
    ...(userName === undefined ? {} : { userName: cleanText(userName) }),
    accessKeyId: keyId,
    accountId: only !== undefined && others.length === 0 ? only : INSTALLATION_ACCOUNT,
    role,
  };
}

/** Cairn itself, or somebody whom it did not recognise. */
function nobody(type: OwnServiceEvent['type']): JsonObject {
  if (type === 'CairnApiCall') return { type: 'Unknown', accountId: INSTALLATION_ACCOUNT };
  return { type: 'CairnService', invokedBy: OWN_EVENT_SOURCE, accountId: INSTALLATION_ACCOUNT };
}

interface CallParts {
  readonly request: unknown;
  readonly response: unknown;
  readonly caller: Principal;
}

function accountsOf(paths: OwnCallRule['accounts'], parts: CallParts): readonly string[] {
  const found = paths.flatMap((path): readonly unknown[] => {
    if (path === 'caller') return accountsOfKey(parts.caller);
    return [valueAt(parts, path.split('.')) ?? []].flat();
  });
  const own = found.filter((account) => typeof account === 'string' && coversAccount(parts.caller, account));
  const accounts = [...new Set(own.map(String))].toSorted();
  return accounts.length > MAX_OWN_ACCOUNTS ? [] : accounts;
}

function resourcesOf({ resource }: OwnCallRule, parts: CallParts): JsonObject {
  if (resource === undefined) return {};
  const id = valueAt(parts, resource.at.split('.'));
  if (typeof id !== 'string') return {};
  return { resources: [{ type: resource.type, resourceName: cleanText(id) }] };
}

function errorOf(outcome: OwnOutcome, answer: unknown): JsonObject {
  if ('unknown' in outcome) {
    return { errorCode: UNKNOWN_OUTCOME.code, errorMessage: UNKNOWN_OUTCOME.message };
  }
  if ('error' in outcome) {
    return { errorCode: outcome.error.code, errorMessage: cleanText(outcome.error.message) };
  }
  const errors = valueAt(answer, ['userErrors']);
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  const code = valueAt(first, ['code']);
  if (typeof code !== 'string') return {};
  const message = valueAt(first, ['message']);
  return { errorCode: code, errorMessage: cleanText(typeof message === 'string' ? message : '') };
}

/** Resolvers answer objects; `deleteExport` answers an id. */
function answered(result: unknown): unknown {
  return typeof result === 'object' && result !== null ? result : { value: result };
}

/** The allowed values, in the shape in which they came. */
function pick(from: unknown, paths: readonly string[]): JsonObject | null {
  const picked: Record<string, JsonValue> = {};
  for (const path of paths) {
    const value = shownValue(valueAt(from, path.split('.')));
    if (value !== undefined) place(picked, path.split('.'), value);
  }
  return Object.keys(picked).length === 0 ? null : picked;
}

function place(
  into: Record<string, JsonValue>,
  [name = '', ...rest]: readonly string[],
  value: JsonValue,
): void {
  if (rest.length === 0) {
    into[name] = value;
    return;
  }
  const known = into[name];
  const inner: Record<string, JsonValue> = isPlain(known) ? { ...known } : {};
  place(inner, rest, value);
  into[name] = inner;
}

function isPlain(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueAt(from: unknown, path: readonly string[]): unknown {
  let value = from;
  for (const name of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.entries(value).find(([key]) => key === name)?.[1];
  }
  return value;
}

/** A UUID (version 8, RFC 9562) that says nothing but the text it was made of. */
function uuidOf(text: string): string {
  const digits = hash('sha256', text).slice(0, 32);
  const variant = (Number.parseInt(digits.charAt(16), 16) & 3) | 8;
  const marked = `${digits.slice(0, 12)}8${digits.slice(13, 16)}${variant.toString(16)}${digits.slice(17)}`;
  return marked.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
