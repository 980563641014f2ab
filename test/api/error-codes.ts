import { CairnError, type ErrorCode } from '#domain/errors';

/** What each code of the catalog means to a caller: what docs/api.md shows. */
const MEANINGS: Readonly<Record<ErrorCode, string>> = {
  INVALID_ARGUMENT: 'an argument is not what the schema says; `argument` names it',
  INVALID_FILTER: 'a filter is at fault; `argument` names the condition',
  INVALID_CURSOR: 'the cursor is none of this list',
  CURSOR_EXPIRED: 'what the cursor stood for is lost; begin with `since`',
  LIMIT_EXCEEDED: 'more than is allowed was asked for',
  BODY_TOO_LARGE: 'the body is too large',
  REQUEST_TIMEOUT: 'the body did not come in time',
  UNSUPPORTED_MEDIA_TYPE: 'the body is of another kind',
  INVALID_LOOKUP_ATTRIBUTES: 'of `lookupEvents`: not one attribute, or an unknown one',
  INVALID_TIME_RANGE: '`from` is not before `to`',
  INVALID_MAX_RESULTS: 'of `lookupEvents`: not 1 to 50',
  INVALID_NEXT_TOKEN: 'of `lookupEvents`: of another question, or too old',
  INVALID_EVENT_CATEGORY: 'of `lookupEvents`: none that it knows',
  UNAUTHENTICATED: 'no key, or one that is not good (any more)',
  FORBIDDEN: 'the key may not',
  NOT_FOUND: 'there is none of this id for the key',
  ALREADY_EXISTS: 'the id is in use',
  INVALID_JSON: 'an event is not JSON',
  INVALID_UTF8: 'an event is not UTF-8',
  INVALID_CHECKSUM: 'an event has another checksum',
  INVALID_EVENT: 'an event is none',
  FIELD_NOT_FOUND: 'an event lacks a field; `path` names it',
  EVENT_TOO_LARGE: 'an event is larger than 1 MB',
  TOO_DEEP: 'an event is nested too deep',
  INVALID_EVENT_TIME: 'eventTime is no instant, or an impossible one',
  ACCOUNT_REQUIRED: 'an event names no account, and the key has several',
  ACCOUNT_NOT_ALLOWED: 'the key has not the account of the event',
  UNKNOWN_ACCOUNT: 'there is no such account',
  CONFLICT: 'another event of the same account, eventID and hour was recorded before',
  ERASED: 'it was erased',
  RETENTION_EXPIRED: 'an event is older than its account keeps events',
  NOT_SEALED: 'not sealed yet: try again in a minute',
  TOO_MANY_REQUESTS: 'too much at once; `retryAfter` says in how many seconds',
  UNAVAILABLE: 'a part is away; `retryAfter` says in how many seconds',
  TIMEOUT: 'it took too long',
  SLOW_CONSUMER: 'a stream was cut off; `cursor` says where to go on',
  CORRUPT: 'stored bytes are not what they were; tell the operator',
  INTERNAL: 'a fault of Cairn’s; `reference` finds it in the log',
};

export interface CodeMeaning {
  readonly code: string;
  /** What HTTP doors answer with it. */
  readonly status: number;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  readonly meaning: string;
}

/** In the order of the catalog. */
export function codeMeanings(): CodeMeaning[] {
  return (Object.keys(MEANINGS) as ErrorCode[]).map((code) => {
    const { status, retryable } = new CairnError(code, '');
    return { code, status, retryable, meaning: MEANINGS[code] };
  });
}
